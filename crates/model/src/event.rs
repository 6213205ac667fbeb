use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
};

use crate::{
    AddressPair, Current, Direction, Mode, PolicyEntry, Proto, ReplayState, ReqId, SaEntry, SaId,
    SecCtx, Selector, Spi, SpiRequest, Template,
};

/// Who made a change, as the request itself said. Both numbers are 0 if the kernel did, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// The sequence number of the request (`nlmsg_seq`, or `sadb_msg_seq` of an AF_KEY socket).
    pub seq: u32,
    /// Where it came from (`nlmsg_pid`, or `sadb_msg_pid`): the port of a netlink
    /// socket; 0 from ip(8), which does not say.
    pub pid: u32,
}

/// The events that a monitor receives (`XFRMNLGRP_*`, linux/xfrm.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventGroup {
    /// Packets that need an SA.
    Acquire,
    /// SAs and policies that reach a limit of their lifetime.
    Expire,
    /// Changes of the SAD.
    Sa,
    /// Changes of the SPD.
    Policy,
    /// Policies whose tunnels move to other addresses.
    Migrate,
    /// SAs whose peer moves behind a NAT.
    Mapping,
    /// SAs whose counters and sequence numbers have moved on.
    Count,
    /// Packets of Mobile IPv6 that the kernel has dropped.
    Report,
}

impl EventGroup {
    /// All groups.
    pub const ALL: [EventGroup; 8] = [
        Self::Acquire,
        Self::Expire,
        Self::Sa,
        Self::Policy,
        Self::Migrate,
        Self::Mapping,
        Self::Count,
        Self::Report,
    ];

    /// Those that PF_KEY has messages for.
    pub const OF_PF_KEY: [EventGroup; 6] =
        [Self::Acquire, Self::Expire, Self::Sa, Self::Policy, Self::Migrate, Self::Mapping];
}

/// What has happened in the SAD or SPD (`xfrm_send_state_notify` and its like,
/// net/xfrm/xfrm_user.c).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An SA was added, keys included.
    SaAdded {
        /// The SA.
        entry: Box<SaEntry>,
        /// Who did it.
        origin: Origin,
    },
    /// An SA got new lifetimes, or a larval one its keys.
    SaUpdated {
        /// The SA.
        entry: Box<SaEntry>,
        /// Who did it.
        origin: Origin,
    },
    /// An SA was deleted.
    SaDeleted {
        /// The SA as it was, keys included; dead.
        entry: Box<SaEntry>,
        /// Who did it.
        origin: Origin,
    },
    /// Several SAs were deleted at once. A flush that finds none is no event.
    SadFlushed {
        /// Of this protocol; `None`: of every.
        proto: Option<Proto>,
        /// Who did it.
        origin: Origin,
    },
    /// An SA has reached a limit. If it was the hard one, the SA is gone, and no deletion follows.
    SaExpired {
        /// The SA without its algorithms, which the kernel does not report; dying, or dead.
        entry: Box<SaEntry>,
        /// Whether it was the hard limit.
        hard: bool,
        /// Who said so; mostly the kernel.
        origin: Origin,
    },
    /// A packet needs an SA that is not there.
    Acquire(Box<Acquire>),
    /// A policy was added.
    PolicyAdded {
        /// The policy.
        entry: Box<PolicyEntry>,
        /// Who did it.
        origin: Origin,
    },
    /// A policy was replaced, or added by a request that would have replaced one.
    PolicyUpdated {
        /// The policy.
        entry: Box<PolicyEntry>,
        /// Who did it.
        origin: Origin,
    },
    /// A policy was deleted.
    PolicyDeleted {
        /// The policy as it was.
        entry: Box<PolicyEntry>,
        /// Whether the request named it by its index.
        by_index: bool,
        /// Who did it.
        origin: Origin,
    },
    /// Every policy was deleted at once, but those of sockets. A flush that finds none is no event.
    SpdFlushed {
        /// Who did it.
        origin: Origin,
    },
    /// A catch-all was deleted.
    CatchAllDeleted {
        /// Who did it.
        origin: Origin,
    },
    /// A policy has reached a limit. If it was the hard one, the policy is gone.
    PolicyExpired {
        /// The policy.
        entry: Box<PolicyEntry>,
        /// Whether it was the hard limit.
        hard: bool,
        /// Who said so; mostly the kernel.
        origin: Origin,
    },
    /// The other end of a NAT-T SA sends from another address or port.
    MappingChanged(Box<Mapping>),
    /// A policy and its SAs have moved to other addresses.
    Migrated(Box<Migration>),
    /// The counters and sequence numbers of an SA have moved on, for programs that keep a copy.
    SaCounted(Box<SaCount>),
    /// A packet of Mobile IPv6 was dropped, since no policy or SA is for it.
    Reported {
        /// The protocol of its extension header.
        proto: Proto,
        /// The packet, as a selector.
        selector: Box<Selector>,
    },
    /// Events were dropped because the receive buffer was full (ENOBUFS): what the reader knows of
    /// the SAD and SPD is to be read again.
    MonitorLost,
    /// Something else of these groups, such as a change of the default policy or of a Mobile IPv6
    /// sub-policy.
    Other {
        /// Its `XFRM_MSG_*` number.
        kind: u16,
    },
}

impl Event {
    /// Who caused it, where the kernel reports that.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Event::SaAdded { origin, .. }
            | Event::SaUpdated { origin, .. }
            | Event::SaDeleted { origin, .. }
            | Event::SadFlushed { origin, .. }
            | Event::PolicyAdded { origin, .. }
            | Event::PolicyUpdated { origin, .. }
            | Event::PolicyDeleted { origin, .. }
            | Event::CatchAllDeleted { origin }
            | Event::SpdFlushed { origin } => Some(*origin),
            _ => None,
        }
    }

    /// Whether policies are not what they were.
    #[must_use]
    pub fn changes_spd(&self) -> bool {
        matches!(
            self,
            Event::PolicyAdded { .. }
                | Event::PolicyUpdated { .. }
                | Event::PolicyDeleted { .. }
                | Event::PolicyExpired { hard: true, .. }
                | Event::SpdFlushed { .. }
                | Event::Migrated(_)
                | Event::MonitorLost
        )
    }
}

/// A packet that needs an SA (`xfrm_user_acquire`). The algorithms that will do are bit masks of
/// PF_KEY numbers: all ones, any; all zeros, any as well, of a policy without
/// algorithms, which is how AF_KEY has the policies of setkey and of PF_KEY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquire {
    /// Both ends of the SA that is wanted.
    pub ends: AddressPair,
    /// Its protocol.
    pub proto: Proto,
    /// The packet, as a selector.
    pub selector: Selector,
    /// The packet's security context.
    pub sec_ctx: Option<SecCtx>,
    /// The policy that asks, with all its templates; its own security context is not reported.
    pub policy: PolicyEntry,
    /// Authentication algorithms.
    pub auth_mask: u32,
    /// Encryption algorithms.
    pub crypt_mask: u32,
    /// Compression algorithms.
    pub comp_mask: u32,
    /// The kernel's number of this request, which the larval SA carries as well.
    pub seq: Option<NonZeroU32>,
}

impl Acquire {
    /// The larval SA that the kernel has made for it, as one asks for its SPI; `None` if it has no
    /// SPI, or no template of the policy asks for it.
    #[must_use]
    pub fn spi_request(&self) -> Option<SpiRequest> {
        let Acquire { ends, proto, .. } = *self;
        let asks = |template: &&Template| {
            let is_between = || template.mode.endpoints().is_none_or(|own| own == ends);
            template.proto == proto && (template.mode.mode() == Mode::Transport || is_between())
        };
        let template = self.policy.policy.action.templates().iter().find(asks)?;
        let (mode, reqid) = (template.mode.mode().into(), template.reqid());
        let has_spi = matches!(proto, Proto::Ah | Proto::Esp | Proto::IpComp);
        has_spi.then_some(SpiRequest { ends, proto, spi: None, mode, reqid })
    }
}

/// A NAT that gave a peer another address or port (`xfrm_user_mapping`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Where the SA's packets go to: here.
    pub dst: IpAddr,
    /// The SA's protocol.
    pub proto: Proto,
    /// The SA's SPI.
    pub spi: Spi,
    /// The SA's reqid.
    pub reqid: Option<ReqId>,
    /// The source of packets in the SA.
    pub old: SocketAddr,
    /// Where one came from.
    pub new: SocketAddr,
}

/// The counters and sequence numbers of an SA (`XFRM_MSG_NEWAE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaCount {
    /// The SA.
    pub id: SaId,
    /// Its source address.
    pub src: IpAddr,
    /// Its reqid.
    pub reqid: Option<ReqId>,
    /// What it has transformed, if that is reported.
    pub current: Option<Current>,
    /// Its sequence numbers, if they are reported.
    pub replay_state: Option<ReplayState>,
}

/// A policy that moved (`XFRM_MSG_MIGRATE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The policy's selector.
    pub selector: Selector,
    /// The policy's direction.
    pub direction: Direction,
    /// What changed, template by template.
    pub changes: Vec<PathChange>,
    /// The key management's own addresses, here and there.
    pub key_management: Option<AddressPair>,
}

/// New endpoints of a template and its SAs (`xfrm_user_migrate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathChange {
    /// The template's protocol.
    pub proto: Proto,
    /// Its mode.
    pub mode: Mode,
    /// Its reqid.
    pub reqid: Option<ReqId>,
    /// The endpoints until now.
    pub old: AddressPair,
    /// The endpoints from now on.
    pub new: AddressPair,
}
