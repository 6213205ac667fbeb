//! What setkey of ipsec-tools 0.8.2 sends for a statement (`setkeymsg_add`, `setkeymsg_addr`,
//! `setkeymsg_spdaddr`, src/setkey/parse.y).

mod extras;
mod unsupported;

use std::net::IpAddr;

use model::{
    Direction, Operation, Policy, PolicyId, Proto, ReqId, Sa, SaGroup, SaId, Spi, SpiRequest,
};

use crate::{
    Error, Extension, Message, MessageType,
    entry::{
        SaParts, Sender,
        fields::{self, ANY_PROTO},
        spd,
    },
    event,
    ext::{self, Address, AddressKind, LifetimeKind, Sa2},
    wire::numbers,
};

pub use extras::{CYCLIC_SEQUENCE, ESN, OLD, PfKeyExtras, RANDOM_PAD, ZERO_PAD};
pub use unsupported::unsupported;

/// The message that requests an operation. setkey's `seq` is 0 and its `pid` its own:
/// [`Message::numbered`].
///
/// `deleteall` starts with a DUMP on Linux, whose DELETE needs an SPI; what that finds is deleted
/// one by one. Limits of a policy, which no script can request, follow its addresses. What PF_KEY cannot express ([`unsupported`]) is lost as in [`crate::sad::message`] and [`crate::spd::message`]; the bytes behind
/// `sadb_x_sa2_mode`, which setkey leaves as they are in its memory, are 0.
pub fn message(operation: &Operation, extras: &PfKeyExtras) -> Result<Message, Error> {
    let satype = |proto: &Option<Proto>| proto.map_or(0, numbers::satype);
    match operation {
        Operation::AddSa(sa) => add(MessageType::ADD, sa, extras),
        Operation::UpdateSa(sa) => add(MessageType::UPDATE, sa, extras),
        Operation::GetSpi(larval) => get_spi(larval, extras),
        Operation::GetSa(id, _) => Ok(by_id(MessageType::GET, id, extras)),
        Operation::DeleteSa(id, _) => Ok(by_id(MessageType::DELETE, id, extras)),
        Operation::DeleteAllSa(SaGroup { proto, .. }) | Operation::DumpSad(proto) => {
            Ok(Message::new(MessageType::DUMP, satype(proto)))
        }
        Operation::FlushSad(proto) => Ok(event::flush(*proto)),
        Operation::AddPolicy(policy) => policy_message(MessageType::SPDADD, policy),
        Operation::UpdatePolicy(policy) => policy_message(MessageType::SPDUPDATE, policy),
        Operation::DeletePolicy(id) => Ok(delete_policy(id)),
        Operation::FlushSpd(_) => Ok(event::spd_flush()),
        Operation::DumpSpd => Ok(Message::new(MessageType::SPDDUMP, 0)),
        Operation::WithoutForwardCopy(operation) => message(operation, extras),
    }
}

fn add(msg_type: MessageType, sa: &Sa, extras: &PfKeyExtras) -> Result<Message, Error> {
    let parts = SaParts::of(sa)?;
    // The cipher's key is there even if it is empty: ESP needs it. The other is not.
    let encrypt = sa.crypt.as_ref().or(sa.aead.as_ref());
    let (src, dst) = ends(sa.ends.src(), sa.ends.dst(), extras);
    let has_limits = [sa.lifetimes.hard, sa.lifetimes.soft].iter().any(|it| !it.is_unlimited());
    let parts = SaParts {
        sa: ext::Sa { flags: extras.flags | parts.sa.flags, ..parts.sa },
        sa2: Sa2 { mode: numbers::sa_mode_number(sa.mode)?, ..parts.sa2 },
        src,
        dst,
        encrypt_key: encrypt.map(|keyed| keyed.key.clone()),
        // AF_KEY refuses one without the other.
        hard: parts.hard.filter(|_| has_limits),
        soft: parts.soft.filter(|_| has_limits),
        nat_original: extras.nat_original.map(|original| fields::host(original, ANY_PROTO, 0)),
        ..parts
    };
    Ok(parts.message(msg_type, Sender::Setkey))
}

/// `pfkey_send_getspi` (src/libipsec/pfkey.c).
fn get_spi(larval: &SpiRequest, extras: &PfKeyExtras) -> Result<Message, Error> {
    let mode = numbers::sa_mode_number(larval.mode)?;
    let sa2 = Sa2 { mode, reqid: larval.reqid.map_or(0, ReqId::number), ..Sa2::default() };
    let mut extensions = vec![Extension::Sa2(sa2)];
    extensions.extend(end_extensions(larval.ends.src(), larval.ends.dst(), extras));
    let range = |spi: Spi| Extension::SpiRange(ext::SpiRange { min: spi.0, max: spi.0 });
    extensions.extend(larval.spi.map(range));
    Ok(Message::new(MessageType::GETSPI, numbers::satype(larval.proto)).with(extensions))
}

/// `get` and `delete`.
fn by_id(msg_type: MessageType, id: &SaId, extras: &PfKeyExtras) -> Message {
    let src = extras.src.unwrap_or(fields::unspecified(id.dst));
    let flags = extras.flags;
    let sa = ext::Sa { spi: id.spi.0, replay: 0, state: 0, auth: 0, encrypt: 0, flags };
    let mut extensions = vec![Extension::Sa(sa), Extension::Sa2(Sa2::default())];
    extensions.extend(end_extensions(src, id.dst, extras));
    Message::new(msg_type, numbers::satype(id.proto)).with(extensions)
}

fn ends(src: IpAddr, dst: IpAddr, extras: &PfKeyExtras) -> (Address, Address) {
    let (src_port, dst_port) = extras.ports;
    (fields::host(src, ANY_PROTO, src_port), fields::host(dst, ANY_PROTO, dst_port))
}

fn end_extensions(src: IpAddr, dst: IpAddr, extras: &PfKeyExtras) -> [Extension; 2] {
    let (src, dst) = ends(src, dst, extras);
    [Extension::Address(AddressKind::Src, src), Extension::Address(AddressKind::Dst, dst)]
}

/// The limits that are set.
fn limits(lifetimes: &model::Lifetimes) -> impl Iterator<Item = Extension> {
    [(LifetimeKind::Hard, lifetimes.hard), (LifetimeKind::Soft, lifetimes.soft)]
        .into_iter()
        .filter(|(_, limit)| !limit.is_unlimited())
        .map(|(kind, limit)| Extension::Lifetime(kind, (&limit).into()))
}

fn policy_message(msg_type: MessageType, policy: &Policy) -> Result<Message, Error> {
    let mut extensions = vec![Extension::Policy(ext::Policy {
        policy_type: policy.action.kind().pfkey_number(),
        priority: policy.priority.0,
        requests: spd::requests(policy)?,
        ..bare_policy(policy.id.direction)
    })];
    extensions.extend(spd::selector(&policy.id.selector));
    extensions.extend(limits(&policy.lifetimes));
    extensions.extend(spd::sec_ctx(&policy.id));
    Ok(Message::new(msg_type, 0).with(extensions))
}

fn delete_policy(id: &PolicyId) -> Message {
    let mut extensions = vec![Extension::Policy(bare_policy(id.direction))];
    extensions.extend(spd::selector(&id.selector));
    extensions.extend(spd::sec_ctx(id));
    Message::new(MessageType::SPDDELETE, 0).with(extensions)
}

fn bare_policy(direction: Direction) -> ext::Policy {
    ext::Policy::bare(numbers::direction_number(direction, false))
}
