use std::net::IpAddr;

use explain::{Arrival, Field, Flow, Reason};
use model::{Counter, DeviceName, Direction, Mode, PolicyEntry, SaEntry, SaField, Spi, Template};

use crate::{IcmpKind, PeerDifference};

/// An SA that nearly is the one that a received packet names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearSpi<'a> {
    /// The SA.
    pub sa: &'a SaEntry,
    /// What differs.
    pub field: SaField,
}

/// Why packets do not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause<'a> {
    /// No SA serves a template.
    NoSa {
        /// The policy.
        policy: &'a PolicyEntry,
        /// The template.
        template: &'a Template,
        /// An SA that does not serve because of one field; none: it is not usable yet.
        near: Option<(&'a SaEntry, Option<SaField>)>,
        /// Whether a key manager was asked for an SA and has not added one yet.
        is_requested: bool,
        /// Whether XFRM has counted packets of expired SAs since the host was started.
        have_expired: bool,
    },
    /// An SA has reached a hard limit, and no other has taken its place.
    Expired(&'a SaEntry),
    /// The peer sends an SPI that is not here.
    UnknownSpi {
        /// The header; none: packets could not be captured.
        arrival: Option<Arrival>,
        /// Source and destination of the packets.
        ends: Option<(IpAddr, IpAddr)>,
        /// An SA that nearly is the right one.
        near: Option<NearSpi<'a>>,
    },
    /// Packets are not authentic.
    Integrity(&'a SaEntry),
    /// Packets are authentic, and what is decrypted makes no sense.
    Decryption(Option<&'a SaEntry>),
    /// What is inside the packets does not suit the mode of the SA, or may not.
    Mode {
        /// The SA.
        sa: &'a SaEntry,
        /// The mode that the peer may have, by packets that may be of others. None: the SA itself has refused packets.
        there: Option<Mode>,
    },
    /// The replay window refuses packets.
    Replay {
        /// The SA.
        sa: &'a SaEntry,
        /// Whether their sequence numbers are older than the window; otherwise they were received before.
        are_old: bool,
    },
    /// An SA does not take packets for another reason.
    Refused(&'a SaEntry, Reason),
    /// An SA has sent the last sequence number.
    Sequence(&'a SaEntry),
    /// Packets come in clear, and their policy demands SAs.
    InClear {
        /// The policy.
        policy: &'a PolicyEntry,
        /// A packet, if one was captured.
        flow: Option<Flow>,
    },
    /// A policy demands SAs of ESP in UDP itself, before a UDP socket decapsulates it.
    CatchesEncapsulation {
        /// The policy.
        policy: &'a PolicyEntry,
        /// Source and destination of the packets.
        ends: (IpAddr, IpAddr),
    },
    /// Packets come by an SA that a template does not accept.
    Mismatch {
        /// The policy.
        policy: &'a PolicyEntry,
        /// The SA.
        sa: &'a SaEntry,
        /// What differs; none: no template demands the SA.
        field: Option<SaField>,
    },
    /// Packets come by a tunnel, and no policy matches them.
    NoInbound {
        /// The SA.
        sa: &'a SaEntry,
        /// A packet, if one was captured.
        flow: Option<Flow>,
    },
    /// Packets that come by a tunnel are forwarded, and the policy is there for `in` alone.
    NoForward {
        /// The policy for `in`.
        policy: &'a PolicyEntry,
        /// A packet, if one was captured.
        flow: Option<Flow>,
    },
    /// A policy discards packets.
    Discards {
        /// The policy.
        policy: &'a PolicyEntry,
        /// A packet, if one was captured.
        flow: Option<Flow>,
    },
    /// No policy matches packets, and the default policy discards them.
    DefaultDrops {
        /// Of the packets.
        direction: Direction,
        /// A packet, if one was captured.
        flow: Option<Flow>,
        /// Whether it is the kernel's own default policy; otherwise it is a catch-all.
        is_kernels: bool,
    },
    /// Packets leave in clear, and packets the other way have to be protected.
    LeavesInClear {
        /// The policy of packets the other way.
        policy: &'a PolicyEntry,
        /// A packet.
        flow: Flow,
        /// A policy for `out` that does not match because of one field.
        near: Option<(&'a PolicyEntry, Field)>,
    },
    /// A policy has packets leave in clear, and packets the other way have to be protected.
    PassesInClear {
        /// The policy that has them pass.
        by: &'a PolicyEntry,
        /// The policy of packets the other way.
        policy: &'a PolicyEntry,
        /// A packet.
        flow: Flow,
    },
    /// Packets that a policy protects leave a device in clear: it has `disable_xfrm`.
    WithoutXfrm {
        /// The device.
        device: DeviceName,
        /// The policy.
        policy: &'a PolicyEntry,
        /// A packet.
        flow: Flow,
    },
    /// Packets of the peer arrive at another device than that of the route to it.
    ReversePath {
        /// The device that they arrive at.
        device: Option<DeviceName>,
        /// The peer.
        peer: Option<IpAddr>,
        /// The device of the route.
        route: Option<DeviceName>,
    },
    /// Packets are longer than what fits.
    TooBig {
        /// The policy.
        policy: Option<&'a PolicyEntry>,
        /// The packet that was too long.
        flow: Option<Flow>,
        /// The most bytes that fit.
        mtu: Option<u32>,
        /// Where they do not fit; none: here.
        router: Option<IpAddr>,
    },
    /// There is no route to the other end.
    NoRoute(Option<IpAddr>),
    /// There is no route for packets that a tunnel is for, or that have come by one.
    NoRouteOf {
        /// The policy of the packets, or the one that they would have with a route.
        policy: &'a PolicyEntry,
        /// A packet, if one was captured.
        flow: Option<Flow>,
        /// The next router to the other end of a tunnel for these packets.
        gateway: Option<IpAddr>,
    },
    /// Packets that have come by a tunnel are forwarded in clear, and nothing comes back.
    NoAnswer {
        /// The policy that has accepted them.
        policy: &'a PolicyEntry,
        /// A packet.
        flow: Flow,
        /// The address of this host in the network there.
        own: Option<IpAddr>,
    },
    /// The source of a tunnel is no address of this host.
    WrongSource {
        /// The policy.
        policy: &'a PolicyEntry,
        /// The template.
        template: &'a Template,
        /// The source that the kernel would choose.
        own: Option<IpAddr>,
    },
    /// Packets that come by a tunnel are for other hosts, and this one does not forward.
    NotForwarding(&'a PolicyEntry),
    /// Packets of an SA arrive at a device and do not arrive at XFRM.
    NotReceived(&'a SaEntry),
    /// An SA transforms packets, and none leaves by a device.
    NotSent(&'a SaEntry),
    /// A host on the way reports that it has dropped packets of IPsec.
    Unreachable {
        /// The host.
        by: IpAddr,
        /// Where the packets go to.
        dst: IpAddr,
        /// What the ICMP message reports.
        kind: IcmpKind,
    },
    /// No program has a UDP socket for ESP in UDP.
    NoUdpSocket(&'a SaEntry),
    /// The two ends are not mirrored.
    Peer(PeerDifference<'a>),
    /// A counter has counted packets of which no other cause is found.
    Counted(Counter),
}

/// What a cause names.
#[derive(Debug, Clone, Default)]
pub struct Named<'a> {
    /// Addresses.
    pub addrs: Vec<IpAddr>,
    /// An SPI.
    pub spi: Option<Spi>,
    /// An SA.
    pub sa: Option<&'a SaEntry>,
    /// A policy.
    pub policy: Option<&'a PolicyEntry>,
    /// Whether it names nothing, so that it may be about anything.
    pub is_general: bool,
}

impl<'a> Cause<'a> {
    /// A short word for its kind.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Cause::NoSa { .. } => "no-sa",
            Cause::Expired(_) => "expired",
            Cause::UnknownSpi { .. } => "unknown-spi",
            Cause::Integrity(_) => "integrity",
            Cause::Decryption(_) => "decryption",
            Cause::Mode { .. } => "mode",
            Cause::Replay { .. } => "replay",
            Cause::Refused(..) => "refused",
            Cause::Sequence(_) => "sequence",
            Cause::InClear { .. } => "in-clear",
            Cause::CatchesEncapsulation { .. } => "catches-encapsulation",
            Cause::Mismatch { .. } => "template-mismatch",
            Cause::NoInbound { .. } => "no-in-policy",
            Cause::NoForward { .. } => "no-fwd-policy",
            Cause::Discards { .. } => "discard",
            Cause::DefaultDrops { .. } => "default-policy",
            Cause::LeavesInClear { .. } => "no-out-policy",
            Cause::PassesInClear { .. } => "passes-in-clear",
            Cause::WithoutXfrm { .. } => "disable-xfrm",
            Cause::ReversePath { .. } => "rp-filter",
            Cause::TooBig { .. } => "mtu",
            Cause::NoRoute(_) | Cause::NoRouteOf { .. } => "no-route",
            Cause::NoAnswer { .. } => "no-answer",
            Cause::WrongSource { .. } => "wrong-source",
            Cause::NotForwarding(_) => "no-forwarding",
            Cause::NotReceived(_) => "not-received",
            Cause::NotSent(_) => "not-sent",
            Cause::Unreachable { .. } => "unreachable",
            Cause::NoUdpSocket(_) => "no-udp-socket",
            Cause::Peer(difference) => difference.code(),
            Cause::Counted(_) => "counter",
        }
    }

    /// What it names.
    #[must_use]
    pub fn names(&self) -> Named<'a> {
        let none = Named::default();
        let of_sa = |sa: &'a SaEntry| Named { sa: Some(sa), ..Named::default() };
        let of_flow = |policy, flow: &Option<Flow>| Named {
            policy,
            addrs: flow.iter().flat_map(|flow| [flow.src(), flow.dst()]).collect(),
            ..Named::default()
        };
        match self {
            Cause::NoSa { policy, .. }
            | Cause::NotForwarding(policy)
            | Cause::WrongSource { policy, .. } => Named { policy: Some(policy), ..none },
            Cause::UnknownSpi { arrival, ends, near } => Named {
                addrs: ends.iter().flat_map(|&(src, dst)| [src, dst]).collect(),
                spi: arrival.map(|it| it.spi),
                sa: near.map(|near| near.sa),
                is_general: ends.is_none(),
                ..none
            },
            Cause::Expired(sa)
            | Cause::Integrity(sa)
            | Cause::Mode { sa, .. }
            | Cause::Replay { sa, .. }
            | Cause::Refused(sa, _)
            | Cause::Sequence(sa)
            | Cause::NotReceived(sa)
            | Cause::NotSent(sa)
            | Cause::NoUdpSocket(sa) => of_sa(sa),
            Cause::Decryption(sa) => Named { sa: *sa, is_general: sa.is_none(), ..none },
            Cause::CatchesEncapsulation { policy, ends } => {
                Named { policy: Some(policy), addrs: vec![ends.0, ends.1], ..none }
            }
            Cause::Mismatch { policy, sa, .. } => Named { policy: Some(policy), ..of_sa(sa) },
            Cause::NoInbound { sa, flow } => Named { sa: Some(sa), ..of_flow(None, flow) },
            Cause::InClear { policy, flow }
            | Cause::NoForward { policy, flow }
            | Cause::NoRouteOf { policy, flow, .. }
            | Cause::Discards { policy, flow } => of_flow(Some(policy), flow),
            Cause::DefaultDrops { flow, .. } => {
                Named { is_general: flow.is_none(), ..of_flow(None, flow) }
            }
            Cause::LeavesInClear { policy, flow, .. }
            | Cause::PassesInClear { by: policy, flow, .. }
            | Cause::WithoutXfrm { policy, flow, .. }
            | Cause::NoAnswer { policy, flow, .. } => of_flow(Some(policy), &Some(*flow)),
            Cause::ReversePath { peer, .. } => {
                Named { addrs: peer.iter().copied().collect(), is_general: peer.is_none(), ..none }
            }
            Cause::TooBig { policy, flow, .. } => {
                Named { is_general: flow.is_none(), ..of_flow(*policy, flow) }
            }
            Cause::NoRoute(addr) => {
                Named { addrs: addr.iter().copied().collect(), is_general: addr.is_none(), ..none }
            }
            Cause::Unreachable { by, dst, .. } => Named { addrs: vec![*by, *dst], ..none },
            Cause::Peer(difference) => difference.names(),
            Cause::Counted(_) => Named { is_general: true, ..none },
        }
    }
}
