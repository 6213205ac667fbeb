//! What AF_KEY says besides SAs and policies: asking for an SA, flushes, offers, changed addresses.
//!
//! Each has `seq` and `pid` 0, which is what AF_KEY sends unless said otherwise; [`Message::numbered`]
//! sets them.

use std::net::SocketAddr;

use ipsec::{AddressPair, Direction, Mode, Priority, Proto, ReqId, Sa, SecCtx, Selector};

use crate::{
    Error, Extension, Message, MessageType,
    ext::{self, AddressKind, End, IpsecRequest, KeyKind, KmAddress, Proposal},
    numbers,
    registered::{REGISTERED_AUTH, REGISTERED_ENCRYPT},
    sad, spd,
};

/// A packet met a policy and found no SA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquire {
    /// Between which addresses the SA is wanted.
    pub ends: AddressPair,
    /// Its protocol.
    pub proto: Proto,
    /// The policy's index.
    pub index: u32,
    /// The policy's priority.
    pub priority: Priority,
    /// What it may be made of: [`Proposal::offered`].
    pub proposal: Option<Proposal>,
    /// The packet's security context.
    pub sec_ctx: Option<SecCtx>,
}

/// ACQUIRE to the registered sockets (`pfkey_send_acquire`). AF_KEY counts its `seq`, from 1.
#[must_use]
pub fn acquire(acquire: &Acquire) -> Message {
    let mut extensions = vec![
        sad::address(AddressKind::Src, acquire.ends.src(), 0, 0),
        sad::address(AddressKind::Dst, acquire.ends.dst(), 0, 0),
        Extension::Policy(ext::Policy {
            policy_type: numbers::IPSEC,
            dir: numbers::direction_number(Direction::Out, false),
            id: acquire.index,
            priority: acquire.priority.0,
            requests: Vec::new(),
        }),
    ];
    extensions.extend(acquire.proposal.clone().map(Extension::Proposal));
    extensions.extend(acquire.sec_ctx.as_ref().map(sad::sec_ctx));
    Message::new(MessageType::ACQUIRE, numbers::satype(acquire.proto)).with(extensions)
}

/// The answer to a REGISTER (`compose_sadb_supported`), with the request's `satype`, `seq` and
/// `pid`: all that a complete kernel has. It is the same for every `satype`.
#[must_use]
pub fn register(satype: u8) -> Message {
    Message::new(MessageType::REGISTER, satype).with(vec![
        Extension::Supported(KeyKind::Auth, REGISTERED_AUTH.to_vec()),
        Extension::Supported(KeyKind::Encrypt, REGISTERED_ENCRYPT.to_vec()),
    ])
}

/// FLUSH of the SAs of one protocol or all: the request, its answer and what every socket hears.
#[must_use]
pub fn flush(proto: Option<Proto>) -> Message {
    Message::new(MessageType::FLUSH, proto.map_or(0, numbers::satype))
}

/// SPDFLUSH: the request, its answer and what every socket hears.
#[must_use]
pub fn spd_flush() -> Message {
    Message::new(MessageType::SPDFLUSH, 0)
}

/// NAT_T_NEW_MAPPING to the registered sockets (`pfkey_send_new_mapping`): the peer of an ESP SA
/// now sends from `new`. AF_KEY's `seq` is that of the SA's ADD.
///
/// As there, the SA must be ESP with NAT traversal; of another there is no message.
#[must_use]
pub fn new_mapping(sa: &Sa, new: SocketAddr) -> Option<Message> {
    let encap = sa.encap.filter(|_| sa.proto == Proto::Esp)?;
    let named = ext::Sa { spi: sa.spi.0, replay: 0, state: 0, auth: 0, encrypt: 0, flags: 0 };
    let extensions = vec![
        Extension::Sa(named),
        sad::address(AddressKind::Src, sa.ends.src(), 0, 0),
        Extension::NatPort(End::Src, encap.src_port),
        sad::address(AddressKind::Dst, new.ip(), 0, 0),
        Extension::NatPort(End::Dst, new.port()),
    ];
    let satype = numbers::satype(sa.proto);
    Some(Message::new(MessageType::NAT_T_NEW_MAPPING, satype).with(extensions))
}

/// One SA that moves to other addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// Its protocol.
    pub proto: Proto,
    /// Its mode.
    pub mode: Mode,
    /// Its number; 0: none.
    pub reqid: ReqId,
    /// From here.
    pub old: AddressPair,
    /// To here.
    pub new: AddressPair,
}

/// A policy and its SAs that move to other addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrate {
    /// The policy's selector.
    pub selector: Selector,
    /// The policy's direction.
    pub direction: Direction,
    /// The SAs, in the order of the policy's requests.
    pub moves: Vec<Move>,
    /// Between which addresses the key management speaks from now on: local, remote.
    pub km_address: Option<AddressPair>,
}

/// MIGRATE to every socket (`pfkey_send_migrate`). The selector has no ports, and 0 for any
/// protocol, unlike everywhere else.
pub fn migrate(migrate: &Migrate) -> Result<Message, Error> {
    let km_address = migrate.km_address.map(spd::sockaddrs);
    let km_address = km_address.map(|(local, remote)| KmAddress { reserved: 0, local, remote });
    let mut extensions: Vec<_> = km_address.map(Extension::KmAddress).into_iter().collect();
    let selector = &migrate.selector;
    for (kind, prefix) in [(AddressKind::Src, selector.src()), (AddressKind::Dst, selector.dst())] {
        extensions.push(Extension::Address(
            kind,
            ext::Address {
                proto: selector.upper.xfrm(),
                prefix_len: prefix.length(),
                sockaddr: SocketAddr::new(prefix.addr(), 0),
            },
        ));
    }
    let mut requests = Vec::new();
    for moved in &migrate.moves {
        requests.push(request(moved, moved.old)?);
        requests.push(request(moved, moved.new)?);
    }
    extensions.push(Extension::Policy(ext::Policy {
        policy_type: numbers::IPSEC,
        dir: numbers::direction_number(migrate.direction, false),
        id: 0,
        priority: 0,
        requests,
    }));
    let satype = migrate.moves.first().map_or(0, |moved| numbers::satype(moved.proto));
    Ok(Message::new(MessageType::MIGRATE, satype).with(extensions))
}

/// One end of a move: addresses stand in it whatever the mode.
fn request(moved: &Move, ends: AddressPair) -> Result<IpsecRequest, Error> {
    Ok(IpsecRequest {
        proto: moved.proto.number().into(),
        mode: numbers::mode_number(moved.mode)?,
        level: if moved.reqid == ReqId(0) { 2 } else { 3 },
        reqid: moved.reqid.0,
        ends: Some(spd::sockaddrs(ends)),
    })
}
