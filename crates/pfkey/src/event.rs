//! The notifications of AF_KEY: [`message`] of any event, and of those beside SAs and policies one by
//! one, with `seq` and `pid` 0, as AF_KEY sends them unless documented otherwise.

use std::{net::SocketAddr, num::NonZeroU32};

use model::{
    Acquire, AddressPair, Direction, Event, Mapping, Migration, Origin, PathChange, PolicyType,
    Proto, ReqId,
};

use crate::{
    Error, Extension, Message, MessageType,
    entry::{
        fields, references,
        sad::{self, ReachedLimit},
        spd,
    },
    ext::{self, AddressKind, Comb, End, IpsecRequest, KeyKind, KmAddress, Proposal},
    registered::{REGISTERED_AUTH, REGISTERED_ENCRYPT},
    wire::numbers,
};

/// The notification of an event, with the `seq` and `pid` of the request that caused it; none of an
/// event that AF_KEY does not report, as the end of a policy, and all of policies that are not of the main type.
pub fn message(event: &Event) -> Result<Option<Message>, Error> {
    let message = match event {
        Event::SaAdded { entry, .. } => sad::message(MessageType::ADD, entry)?,
        Event::SaUpdated { entry, .. } => sad::message(MessageType::UPDATE, entry)?,
        Event::SaDeleted { entry, .. } => sad::message(MessageType::DELETE, entry)?,
        Event::SadFlushed { proto, .. } => flush(*proto),
        Event::SaExpired { entry, hard: false, .. } => {
            return sad::expire(entry, ReachedLimit::Soft).map(Some);
        }
        Event::SaExpired { entry, hard: true, .. } => {
            return sad::expire(entry, ReachedLimit::Hard).map(Some);
        }
        Event::PolicyAdded { entry, .. }
        | Event::PolicyUpdated { entry, .. }
        | Event::PolicyDeleted { entry, .. }
            if entry.policy.id.policy_type != PolicyType::Main =>
        {
            return Ok(None);
        }
        Event::PolicyAdded { entry, .. } => {
            spd::message(MessageType::SPDADD, entry, references::ADDED)?
        }
        Event::PolicyUpdated { entry, .. } => {
            spd::message(MessageType::SPDUPDATE, entry, references::ADDED)?
        }
        Event::PolicyDeleted { entry, by_index: true, .. } => {
            spd::message(MessageType::SPDDELETE2, entry, references::DELETED)?
        }
        Event::PolicyDeleted { entry, by_index: false, .. } => {
            spd::message(MessageType::SPDDELETE, entry, references::DELETED)?
        }
        Event::SpdFlushed { .. } => spd_flush(),
        Event::Acquire(needed) => {
            return Ok(Some(acquire(needed).numbered(needed.seq.map_or(0, NonZeroU32::get), 0)));
        }
        Event::Migrated(migration) => return migrate(migration).map(Some),
        Event::MappingChanged(mapping) => return Ok(new_mapping(mapping)),
        Event::PolicyExpired { .. }
        | Event::CatchAllDeleted { .. }
        | Event::SaCounted(_)
        | Event::Reported { .. }
        | Event::MonitorLost
        | Event::Other { .. } => return Ok(None),
    };
    let Origin { seq, pid } = event.origin().unwrap_or_default();
    Ok(Some(message.numbered(seq, pid)))
}

/// The most bytes of an ACQUIRE. AF_KEY sends 4,120 of a template that allows every algorithm by
/// its masks, and strongSwan drops what does not fit into 4,096 (`PFKEY_BUFFER_SIZE`).
const MOST_BYTES: usize = 4096;

/// ACQUIRE to the registered sockets (`pfkey_send_acquire`). AF_KEY counts its `seq`, from 1.
///
/// It has at most 4,096 bytes: what does not fit of a proposal is left out.
#[must_use]
pub fn acquire(acquire: &Acquire) -> Message {
    let mut extensions = vec![
        Extension::Address(AddressKind::Src, fields::host(acquire.ends.src(), 0, 0)),
        Extension::Address(AddressKind::Dst, fields::host(acquire.ends.dst(), 0, 0)),
        Extension::Policy(ext::Policy {
            policy_type: numbers::IPSEC,
            dir: numbers::direction_number(Direction::Out, false),
            id: acquire.policy.index,
            priority: acquire.policy.policy.priority.0,
            requests: Vec::new(),
        }),
    ];
    let proposal = Proposal::offered(acquire.proto, acquire.auth_mask, acquire.crypt_mask);
    extensions.extend(proposal.map(Extension::Proposal));
    extensions.extend(acquire.sec_ctx.as_ref().map(|ctx| Extension::SecCtx(ctx.into())));
    let message = Message::new(MessageType::ACQUIRE, numbers::satype(acquire.proto));
    within_limit(message.with(extensions))
}

/// The message without the last combs of its proposal, as far as it is too long.
fn within_limit(mut message: Message) -> Message {
    let length = message.encode().map_or(0, |bytes| bytes.len());
    let over = length.saturating_sub(MOST_BYTES).div_ceil(Comb::LENGTH);
    for extension in &mut message.extensions {
        if let Extension::Proposal(Proposal { combs, .. }) = extension {
            combs.truncate(combs.len().saturating_sub(over));
        }
    }
    message
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

/// FLUSH of the SAs of one protocol or all: the request, its answer, and the notification to every socket.
#[must_use]
pub fn flush(proto: Option<Proto>) -> Message {
    Message::new(MessageType::FLUSH, proto.map_or(0, numbers::satype))
}

/// SPDFLUSH: the request, its answer, and the notification to every socket.
#[must_use]
pub fn spd_flush() -> Message {
    Message::new(MessageType::SPDFLUSH, 0)
}

/// NAT_T_NEW_MAPPING to the registered sockets (`pfkey_send_new_mapping`): the peer of an ESP SA
/// now sends from another address or port. AF_KEY's `seq` is that of the SA's ADD.
///
/// As there, the SA must be ESP; of another there is no message.
#[must_use]
pub fn new_mapping(mapping: &Mapping) -> Option<Message> {
    let &Mapping { proto: Proto::Esp, spi, old, new, .. } = mapping else { return None };
    let named = ext::Sa { spi: spi.0, replay: 0, state: 0, auth: 0, encrypt: 0, flags: 0 };
    let extensions = vec![
        Extension::Sa(named),
        Extension::Address(AddressKind::Src, fields::host(old.ip(), 0, 0)),
        Extension::NatPort(End::Src, old.port()),
        Extension::Address(AddressKind::Dst, fields::host(new.ip(), 0, 0)),
        Extension::NatPort(End::Dst, new.port()),
    ];
    let satype = numbers::satype(Proto::Esp);
    Some(Message::new(MessageType::NAT_T_NEW_MAPPING, satype).with(extensions))
}

/// MIGRATE to every socket (`pfkey_send_migrate`). The selector has no ports, and 0 for any
/// protocol, unlike everywhere else.
pub fn migrate(migration: &Migration) -> Result<Message, Error> {
    let km_address = migration.key_management.map(fields::sockaddrs);
    let km_address = km_address.map(|(local, remote)| KmAddress { reserved: 0, local, remote });
    let mut extensions: Vec<_> = km_address.map(Extension::KmAddress).into_iter().collect();
    let selector = &migration.selector;
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
    for moved in &migration.changes {
        requests.push(request(moved, moved.old)?);
        requests.push(request(moved, moved.new)?);
    }
    extensions.push(Extension::Policy(ext::Policy {
        policy_type: numbers::IPSEC,
        dir: numbers::direction_number(migration.direction, false),
        id: 0,
        priority: 0,
        requests,
    }));
    let satype = migration.changes.first().map_or(0, |moved| numbers::satype(moved.proto));
    Ok(Message::new(MessageType::MIGRATE, satype).with(extensions))
}

/// One end of a change: it has addresses whatever the mode.
fn request(moved: &PathChange, ends: AddressPair) -> Result<IpsecRequest, Error> {
    Ok(IpsecRequest {
        proto: moved.proto.number().into(),
        mode: numbers::mode_number(moved.mode)?,
        level: if moved.reqid.is_none() { 2 } else { 3 },
        reqid: moved.reqid.map_or(0, ReqId::number),
        ends: Some(fields::sockaddrs(ends)),
    })
}
