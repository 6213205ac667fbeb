//! What AF_KEY reports of an SA (`__pfkey_xfrm_state2msg`, net/key/af_key.c), and the SA of a message
//! (`pfkey_msg2xfrm_state`).

use std::num::NonZeroU16;

use model::{
    AddressPair, AlgorithmKind, Encap, IpVersion, Keyed, Mode, Prefix, ReqId, Sa, SaEntry, SaFlags,
    SaState, Selector, Spi,
};

use super::{
    fields,
    sa_parts::{SaParts, Sender},
};
use crate::{
    Error, Message, MessageType,
    ext::{self, AddressKind, End, KeyKind},
    wire::numbers,
};

/// Which of its limits an SA has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReachedLimit {
    /// It is dead.
    Hard,
    /// It is to be replaced.
    Soft,
}

/// The message about an SA of the SAD: the answer to ADD, UPDATE, GET and GETSPI, an entry of a DUMP,
/// and the notification to every socket of an ADD, UPDATE or DELETE. After a DELETE the SA is dead.
///
/// What PF_KEY cannot express: of an algorithm without number `sadb_sa_auth` or `_encrypt` is 0,
/// and the key of one that does both is left out, as AF_KEY does with all of those (here AEAD with
/// a number are encryption). A replay window over 255 is 255, a packet count over 32 bits the
/// largest. The length of the ICV, ESN, marks, interface, direction, offload and the flags beyond
/// NOECN, DECAP_DSCP and NOPMTUDISC are lost. A mode without number is an error.
pub fn message(msg_type: MessageType, entry: &SaEntry) -> Result<Message, Error> {
    let deleted = msg_type == MessageType::DELETE;
    let state = if deleted { SaState::Dead } else { entry.state };
    Ok(parts(entry, state)?.message(msg_type, Sender::AfKey))
}

/// EXPIRE: the SA without keys, with the limit that it has reached only. After the hard one it is
/// dead.
pub fn expire(entry: &SaEntry, limit: ReachedLimit) -> Result<Message, Error> {
    let state = if limit == ReachedLimit::Hard { SaState::Dead } else { entry.state };
    let parts = parts(entry, state)?;
    let (hard, soft) = match limit {
        ReachedLimit::Hard => (parts.hard, None),
        ReachedLimit::Soft => (None, parts.soft),
    };
    let parts = SaParts { hard, soft, encrypt_key: None, auth_key: None, ..parts };
    Ok(parts.message(MessageType::EXPIRE, Sender::AfKey))
}

/// "If the ports are non-zero, then the sadb_address_proto field, normally zero, MUST be filled in"
/// (RFC 2367 section 2.3.3): XFRM's SAs have no ports.
fn parts(entry: &SaEntry, state: SaState) -> Result<SaParts, Error> {
    let parts = SaParts::of(&entry.sa)?;
    Ok(SaParts {
        sa: ext::Sa { state: state.pfkey_number(), ..parts.sa },
        proxy: proxy(&entry.sa),
        current: Some((&entry.current).into()),
        ..parts
    })
}

/// The source of an SA's own selector, which AF_KEY shows when it is not the SA's source: nearly
/// always, for the selector of an SA that is for all packets is all zeros. That of a larval SA is
/// the SA's addresses (`__find_acq_core`, net/xfrm/xfrm_state.c).
fn proxy(sa: &Sa) -> Option<ext::Address> {
    let src = sa.ends.src();
    let everything = Selector::within(Prefix::everything(IpVersion::of(src)));
    let selector = sa.selector.unwrap_or(everything);
    let proto = fields::upper_number(selector.upper);
    (selector.src().addr() != src).then(|| fields::prefix(selector.src(), proto, selector.src_port))
}

/// The SA that a message is about: a request, an answer or an entry of a dump.
///
/// Without SA2 it is a transport SA without number, as AF_KEY takes it. PROXY, NAT_T_OA, identities
/// and the sensitivity are passed over. An unknown algorithm is [`Error::UnknownAlgorithm`]; a
/// number that two algorithms have is AF_KEY's (SHA-256 cut to 96 bits).
pub fn read(message: &Message) -> Result<SaEntry, Error> {
    let named = message.sa().ok_or(Error::Missing("SA"))?;
    let sa2 = message.sa2().copied().unwrap_or_default();
    let mut sa = Sa::bare(ends(message)?, numbers::proto(message.satype)?, Spi(named.spi));
    read_algorithms(message, named, &mut sa)?;
    // AF_KEY takes IPSEC_MODE_ANY for transport (`pfkey_mode_to_xfrm`).
    let mode = if sa2.mode == 0 { Mode::Transport } else { numbers::mode(sa2.mode)? };
    sa.mode = mode.into();
    sa.reqid = ReqId::new(sa2.reqid);
    sa.replay_window = named.replay.into();
    sa.flags = SaFlags::from_pfkey(named.flags);
    sa.lifetimes = fields::limits(message);
    sa.encap = read_encap(message)?;
    sa.sec_ctx = message.sec_ctx().map(Into::into);
    Ok(SaEntry::new(sa, numbers::state(named.state)?, fields::current(message)))
}

/// Source and destination of a message.
pub(crate) fn ends(message: &Message) -> Result<AddressPair, Error> {
    let ip = |kind, what| {
        let address = message.address(kind).ok_or(Error::Missing(what))?;
        Ok::<_, Error>(address.sockaddr.ip())
    };
    let src = ip(AddressKind::Src, "source address")?;
    let dst = ip(AddressKind::Dst, "destination address")?;
    Ok(AddressPair::new(src, dst)?)
}

pub(crate) fn read_algorithms(
    message: &Message,
    named: &ext::Sa,
    sa: &mut Sa,
) -> Result<(), Error> {
    let key = |kind| message.key(kind).cloned().unwrap_or_default();
    if named.auth != 0 {
        let algorithm = numbers::algorithm(&[AlgorithmKind::Auth], "authentication", named.auth)?;
        sa.auth = Some(Keyed::new(algorithm, key(KeyKind::Auth)));
    }
    if named.encrypt == 0 {
        return Ok(());
    }
    if sa.proto == model::Proto::IpComp {
        let kinds = &[AlgorithmKind::Comp];
        sa.comp = Some(numbers::algorithm(kinds, "compression", named.encrypt)?);
        return Ok(());
    }
    let kinds = &[AlgorithmKind::Crypt, AlgorithmKind::Aead];
    let algorithm = numbers::algorithm(kinds, "encryption", named.encrypt)?;
    let keyed = Some(Keyed::new(algorithm, key(KeyKind::Encrypt)));
    match algorithm.kind {
        AlgorithmKind::Aead => sa.aead = keyed,
        _ => sa.crypt = keyed,
    }
    Ok(())
}

fn read_encap(message: &Message) -> Result<Option<Encap>, Error> {
    message.nat_type().filter(|&number| number != 0).map(|it| encap(message, it)).transpose()
}

/// The encapsulation of this number.
pub(crate) fn encap(message: &Message, number: u8) -> Result<Encap, Error> {
    let port = |end| message.nat_port(end).and_then(NonZeroU16::new);
    let (src_port, dst_port) = (port(End::Src), port(End::Dst));
    Ok(Encap { kind: numbers::encap_kind(number)?, src_port, dst_port, original: None })
}
