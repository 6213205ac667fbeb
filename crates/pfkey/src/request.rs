//! What setkey of ipsec-tools 0.8.2 sends for a statement (`setkeymsg_add`, `setkeymsg_addr`,
//! `setkeymsg_spdaddr`, src/setkey/parse.y).

mod unsaid;

use std::net::IpAddr;

use model::{Direction, Operation, Policy, PolicyId, Proto, Sa, SaId, Spi, SpiWish};

use crate::{
    Error, Extension, Message, MessageType, event,
    ext::{self, AddressKind, End, KeyKind, LifetimeKind},
    numbers, sad, spd,
};

pub use unsaid::unsaid;

/// `SADB_X_EXT_CYCSEQ`: what `-f nocyclic-seq` clears.
pub const CYCLIC_SEQUENCE: u32 = 0x40;

/// What an SA's statement says and no SA keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording {
    /// The `SADB_X_EXT_*` flags of `-f`. The kernel ignores them.
    pub flags: u32,
    /// Whether there is no `-m`, or `-m any`: the mode on the wire is any.
    pub any_mode: bool,
    /// The ports behind source and destination; 0: none.
    pub ports: (u16, u16),
    /// The source of `get` and `delete`, which the kernel ignores; without it all zeros.
    pub src: Option<IpAddr>,
    /// The address behind `esp-udp`.
    pub nat_original: Option<IpAddr>,
}

impl Default for Wording {
    fn default() -> Self {
        Self {
            flags: CYCLIC_SEQUENCE,
            any_mode: false,
            ports: (0, 0),
            src: None,
            nat_original: None,
        }
    }
}

/// The message that asks for an operation. setkey's `seq` is 0 and its `pid` its own:
/// [`Message::numbered`].
///
/// `deleteall` starts with a DUMP on Linux, whose DELETE needs an SPI; what that finds is deleted
/// one by one. Limits of a policy, which setkey cannot ask for, stand behind its addresses. What
/// PF_KEY cannot express ([`unsaid`]) is lost as in [`sad::message`] and [`spd::message`]; the bytes behind
/// `sadb_x_sa2_mode`, which setkey leaves as they are in its memory, are 0.
pub fn message(operation: &Operation, wording: &Wording) -> Result<Message, Error> {
    let satype = |proto: &Option<Proto>| proto.map_or(0, numbers::satype);
    match operation {
        Operation::AddSa(sa) => add(MessageType::ADD, sa, wording),
        Operation::UpdateSa(sa) => add(MessageType::UPDATE, sa, wording),
        Operation::AddSaOfAnyMode(sa) => {
            add(MessageType::ADD, sa, &Wording { any_mode: true, ..*wording })
        }
        Operation::UpdateSaOfAnyMode(sa) => {
            add(MessageType::UPDATE, sa, &Wording { any_mode: true, ..*wording })
        }
        Operation::GetSpi(wish) => get_spi(wish, wording),
        Operation::GetSa(id) => Ok(by_id(MessageType::GET, id, wording)),
        Operation::DeleteSa(id) => Ok(by_id(MessageType::DELETE, id, wording)),
        Operation::DeleteAllSa(_, proto) | Operation::DumpSad(proto) => {
            Ok(Message::new(MessageType::DUMP, satype(proto)))
        }
        Operation::FlushSad(proto) => Ok(event::flush(*proto)),
        Operation::AddPolicy(policy) => policy_message(MessageType::SPDADD, policy),
        Operation::UpdatePolicy(policy) => policy_message(MessageType::SPDUPDATE, policy),
        Operation::DeletePolicy(id) => Ok(delete_policy(id)),
        Operation::FlushSpd => Ok(event::spd_flush()),
        Operation::DumpSpd => Ok(Message::new(MessageType::SPDDUMP, 0)),
    }
}

fn add(msg_type: MessageType, sa: &Sa, wording: &Wording) -> Result<Message, Error> {
    let mut extensions = Vec::new();
    // The cipher's key stands there even if it is empty: ESP needs it. The other does not.
    let encrypt = sa.crypt.as_ref().or(sa.aead.as_ref());
    extensions.extend(encrypt.map(|keyed| Extension::Key(KeyKind::Encrypt, keyed.key.clone())));
    let auth = sa.auth.as_ref().filter(|keyed| keyed.key.bits() != 0);
    extensions.extend(auth.map(|keyed| Extension::Key(KeyKind::Auth, keyed.key.clone())));
    extensions.extend(limits(&sa.lifetimes));
    extensions.extend(sa.sec_ctx.as_ref().map(sad::sec_ctx));
    let flags = wording.flags | numbers::flag_bits(sa.flags);
    extensions.push(Extension::Sa(ext::Sa { flags, ..sad::named(sa) }));
    let mode = if wording.any_mode { 0 } else { numbers::mode_number(sa.mode)? };
    extensions.push(Extension::Sa2(ext::Sa2 { mode, reqid: sa.reqid.0, ..ext::Sa2::default() }));
    if let Some(encap) = sa.encap {
        extensions.push(Extension::NatType(numbers::encap_number(encap.kind)));
        let original = |ip| sad::address(AddressKind::NatOriginal, ip, sad::ANY_PROTO, 0);
        extensions.extend(wording.nat_original.map(original));
    }
    extensions.extend(ends(sa.ends.src(), sa.ends.dst(), wording));
    if let Some(encap) = sa.encap {
        extensions.push(Extension::NatPort(End::Src, encap.src_port));
        extensions.push(Extension::NatPort(End::Dst, encap.dst_port));
    }
    Ok(Message::new(msg_type, numbers::satype(sa.proto)).with(extensions))
}

/// `pfkey_send_getspi` (src/libipsec/pfkey.c).
fn get_spi(wish: &SpiWish, wording: &Wording) -> Result<Message, Error> {
    let mode = if wording.any_mode { 0 } else { numbers::mode_number(wish.mode)? };
    let sa2 = ext::Sa2 { mode, reqid: wish.reqid.0, ..ext::Sa2::default() };
    let mut extensions = vec![Extension::Sa2(sa2)];
    extensions.extend(ends(wish.ends.src(), wish.ends.dst(), wording));
    let range = |spi: Spi| Extension::SpiRange(ext::SpiRange { min: spi.0, max: spi.0 });
    extensions.extend(wish.spi.map(range));
    Ok(Message::new(MessageType::GETSPI, numbers::satype(wish.proto)).with(extensions))
}

/// `get` and `delete`.
fn by_id(msg_type: MessageType, id: &SaId, wording: &Wording) -> Message {
    let src = wording.src.unwrap_or(sad::unspecified(id.dst));
    let flags = wording.flags;
    let sa = ext::Sa { spi: id.spi.0, replay: 0, state: 0, auth: 0, encrypt: 0, flags };
    let mut extensions = vec![Extension::Sa(sa), Extension::Sa2(ext::Sa2::default())];
    extensions.extend(ends(src, id.dst, wording));
    Message::new(msg_type, numbers::satype(id.proto)).with(extensions)
}

fn ends(src: IpAddr, dst: IpAddr, wording: &Wording) -> [Extension; 2] {
    let (src_port, dst_port) = wording.ports;
    [
        sad::address(AddressKind::Src, src, sad::ANY_PROTO, src_port),
        sad::address(AddressKind::Dst, dst, sad::ANY_PROTO, dst_port),
    ]
}

/// The limits that are set.
fn limits(lifetimes: &model::Lifetimes) -> impl Iterator<Item = Extension> {
    [(LifetimeKind::Hard, lifetimes.hard), (LifetimeKind::Soft, lifetimes.soft)]
        .into_iter()
        .filter(|(_, limit)| !limit.is_unlimited())
        .map(|(kind, limit)| sad::lifetime(kind, &limit))
}

fn policy_message(msg_type: MessageType, policy: &Policy) -> Result<Message, Error> {
    let mut extensions = vec![Extension::Policy(ext::Policy {
        policy_type: numbers::policy_type(&policy.action),
        priority: policy.priority.0,
        requests: spd::requests(policy)?,
        ..bare_policy(policy.id.direction)
    })];
    extensions.extend(spd::selector(&policy.id.selector));
    extensions.extend(limits(&policy.lifetimes));
    extensions.extend(policy.id.sec_ctx.as_ref().map(sad::sec_ctx));
    Ok(Message::new(msg_type, 0).with(extensions))
}

fn delete_policy(id: &PolicyId) -> Message {
    let mut extensions = vec![Extension::Policy(bare_policy(id.direction))];
    extensions.extend(spd::selector(&id.selector));
    extensions.extend(id.sec_ctx.as_ref().map(sad::sec_ctx));
    Message::new(MessageType::SPDDELETE, 0).with(extensions)
}

/// A policy of which only the direction is said: `-P out`.
fn bare_policy(direction: Direction) -> ext::Policy {
    ext::Policy {
        policy_type: numbers::DISCARD,
        dir: numbers::direction_number(direction, false),
        id: 0,
        priority: 0,
        requests: Vec::new(),
    }
}
