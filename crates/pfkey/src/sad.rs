//! What AF_KEY says about an SA (`__pfkey_xfrm_state2msg`, net/key/af_key.c), and an SA from a
//! message (`pfkey_msg2xfrm_state`).

use std::net::{IpAddr, SocketAddr};

use model::{
    AddressPair, AlgorithmKind, Current, Encap, IpVersion, Keyed, Mode, Prefix, ReqId, Sa, SaEntry,
    SaState, Selector, Spi,
};

use crate::{
    Error, Extension, Message, MessageType,
    ext::{self, AddressKind, End, KeyKind, Lifetime, LifetimeKind},
    numbers, spd,
};

/// `IPSEC_ULPROTO_ANY`: any upper-layer protocol.
pub(crate) const ANY_PROTO: u8 = 255;

/// Which of its limits an SA has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// It is dead.
    Hard,
    /// It is to be replaced.
    Soft,
}

/// The message about an SA as it stands in the SAD: the answer to ADD, UPDATE, GET and GETSPI, an
/// entry of a DUMP, and what every socket hears of an ADD, UPDATE or DELETE. After a DELETE the SA
/// is dead.
///
/// What PF_KEY cannot express: of an algorithm without number `sadb_sa_auth` or `_encrypt` is 0,
/// and the key of one that does both is left out, as AF_KEY does with all of those (here AEAD with
/// a number stand as encryption). A replay window over 255 is 255, a packet count over 32 bits the
/// largest. The length of the ICV, ESN, marks, interface, direction, offload and the flags beyond
/// NOECN, DECAP_DSCP and NOPMTUDISC are lost. A mode without number is an error.
pub fn message(msg_type: MessageType, entry: &SaEntry) -> Result<Message, Error> {
    let deleted = msg_type == MessageType::DELETE;
    let state = if deleted { SaState::Dead } else { entry.state };
    build(msg_type, entry, state, &[Limit::Hard, Limit::Soft], true)
}

/// EXPIRE: the SA without keys, with the limit that it has reached only. After the hard one it is
/// dead.
pub fn expire(entry: &SaEntry, limit: Limit) -> Result<Message, Error> {
    let state = if limit == Limit::Hard { SaState::Dead } else { entry.state };
    build(MessageType::EXPIRE, entry, state, &[limit], false)
}

fn build(
    msg_type: MessageType,
    entry: &SaEntry,
    state: SaState,
    limits: &[Limit],
    with_keys: bool,
) -> Result<Message, Error> {
    let sa = &entry.sa;
    let mut extensions = vec![Extension::Sa(ext::Sa {
        state: numbers::state_number(state),
        flags: numbers::flag_bits(sa.flags),
        ..named(sa)
    })];
    extensions.extend(limits.iter().map(|limit| match limit {
        Limit::Hard => lifetime(LifetimeKind::Hard, &sa.lifetimes.hard),
        Limit::Soft => lifetime(LifetimeKind::Soft, &sa.lifetimes.soft),
    }));
    extensions.push(current(&entry.current));
    // "If the ports are non-zero, then the sadb_address_proto field, normally zero, MUST be filled
    // in" (RFC 2367 section 2.3.3): XFRM's SAs have no ports.
    extensions.push(address(AddressKind::Src, sa.ends.src(), 0, 0));
    extensions.push(address(AddressKind::Dst, sa.ends.dst(), 0, 0));
    extensions.extend(proxy(sa));
    if with_keys {
        extensions.extend(keys(sa));
    }
    let mode = numbers::mode_number(sa.mode)?;
    extensions.push(Extension::Sa2(ext::Sa2 { mode, reqid: sa.reqid.0, ..ext::Sa2::default() }));
    if let Some(encap) = sa.encap {
        extensions.push(Extension::NatType(numbers::encap_number(encap.kind)));
        extensions.push(Extension::NatPort(End::Src, encap.src_port));
        extensions.push(Extension::NatPort(End::Dst, encap.dst_port));
    }
    extensions.extend(sa.sec_ctx.as_ref().map(sec_ctx));
    Ok(Message::new(msg_type, numbers::satype(sa.proto)).with(extensions))
}

/// SPI, window and algorithms of an SA, for answers and requests.
pub(crate) fn named(sa: &Sa) -> ext::Sa {
    let number = |algorithm: &model::Algorithm| algorithm.pfkey.unwrap_or(0);
    let keyed = |keyed: &Keyed| number(keyed.algorithm);
    // KAME compatible: sadb_sa_encrypt holds the number of the compression as well.
    let encrypt = sa.crypt.as_ref().or(sa.aead.as_ref()).map(keyed);
    ext::Sa {
        spi: sa.spi.0,
        replay: u8::try_from(sa.replay_window).unwrap_or(u8::MAX),
        state: 0,
        auth: sa.auth.as_ref().map_or(0, keyed),
        encrypt: encrypt.or(sa.comp.map(number)).unwrap_or(0),
        flags: 0,
    }
}

/// The keys that are not empty.
fn keys(sa: &Sa) -> impl Iterator<Item = Extension> {
    let numbered = |aead: &&Keyed| aead.algorithm.pfkey.is_some();
    let encrypt = sa.crypt.as_ref().or(sa.aead.as_ref().filter(numbered));
    [(KeyKind::Auth, sa.auth.as_ref()), (KeyKind::Encrypt, encrypt)]
        .into_iter()
        .filter_map(|(kind, keyed)| Some((kind, keyed?.key.clone())))
        .filter(|(_, key)| key.bits() != 0)
        .map(|(kind, key)| Extension::Key(kind, key))
}

/// The source of an SA's own selector, which AF_KEY shows when it is not the SA's source: nearly
/// always, for the selector of an SA that is for all packets is all zeros. That of a larval SA is
/// the SA's addresses (`__find_acq_core`, net/xfrm/xfrm_state.c).
fn proxy(sa: &Sa) -> Option<Extension> {
    let src = sa.ends.src();
    let everything = Selector::within(Prefix::everything(IpVersion::of(src)));
    let selector = sa.selector.unwrap_or(everything);
    (selector.src().addr() != src).then(|| {
        Extension::Address(
            AddressKind::Proxy,
            ext::Address {
                proto: spd::upper_number(selector.upper),
                prefix_len: selector.src().length(),
                sockaddr: SocketAddr::new(selector.src().addr(), selector.src_port),
            },
        )
    })
}

/// All zeros, of the family of `address`.
pub(crate) fn unspecified(address: IpAddr) -> IpAddr {
    if address.is_ipv4() { [0; 4].into() } else { [0; 16].into() }
}

/// A whole address.
pub(crate) fn address(kind: AddressKind, address: IpAddr, proto: u8, port: u16) -> Extension {
    Extension::Address(
        kind,
        ext::Address {
            proto,
            prefix_len: if address.is_ipv4() { 32 } else { 128 },
            sockaddr: SocketAddr::new(address, port),
        },
    )
}

pub(crate) fn lifetime(kind: LifetimeKind, limit: &model::Lifetime) -> Extension {
    Extension::Lifetime(
        kind,
        Lifetime {
            allocations: allocations(limit.packets),
            bytes: limit.bytes,
            add_time: limit.add_seconds,
            use_time: limit.use_seconds,
        },
    )
}

pub(crate) fn current(current: &Current) -> Extension {
    Extension::Lifetime(
        LifetimeKind::Current,
        Lifetime {
            allocations: allocations(current.packets),
            bytes: current.bytes,
            add_time: current.add_time,
            use_time: current.use_time,
        },
    )
}

/// The field has 32 bits. AF_KEY takes the low ones, which may read as no limit at all.
fn allocations(packets: u64) -> u32 {
    u32::try_from(packets).unwrap_or(u32::MAX)
}

/// A context with the terminating NUL that goes over the wire.
pub(crate) fn sec_ctx(ctx: &model::SecCtx) -> Extension {
    let context = ctx.context.iter().copied().chain([0]).collect();
    Extension::SecCtx(ext::SecCtx { alg: ctx.alg, doi: ctx.doi, context })
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
    sa.mode = if sa2.mode == 0 { Mode::Transport } else { numbers::mode(sa2.mode)? };
    sa.reqid = ReqId(sa2.reqid);
    sa.replay_window = named.replay.into();
    sa.flags = numbers::flags(named.flags);
    sa.lifetimes = read_lifetimes(message);
    sa.encap = read_encap(message)?;
    sa.sec_ctx = message.sec_ctx().map(read_sec_ctx);
    Ok(SaEntry { sa, state: numbers::state(named.state)?, current: read_current(message) })
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

/// The limits; those that the message does not have are none.
pub(crate) fn read_lifetimes(message: &Message) -> model::Lifetimes {
    let limit = |kind| {
        message.lifetime(kind).map_or_else(model::Lifetime::default, |it| model::Lifetime {
            packets: it.allocations.into(),
            bytes: it.bytes,
            add_seconds: it.add_time,
            use_seconds: it.use_time,
        })
    };
    model::Lifetimes { hard: limit(LifetimeKind::Hard), soft: limit(LifetimeKind::Soft) }
}

pub(crate) fn read_current(message: &Message) -> Current {
    message.lifetime(LifetimeKind::Current).map_or_else(Current::default, |it| Current {
        packets: it.allocations.into(),
        bytes: it.bytes,
        add_time: it.add_time,
        use_time: it.use_time,
    })
}

fn read_encap(message: &Message) -> Result<Option<Encap>, Error> {
    message.nat_type().filter(|&number| number != 0).map(|it| encap(message, it)).transpose()
}

/// The encapsulation of this number.
pub(crate) fn encap(message: &Message, number: u8) -> Result<Encap, Error> {
    Ok(Encap {
        kind: numbers::encap_kind(number)?,
        src_port: message.nat_port(End::Src).unwrap_or(0),
        dst_port: message.nat_port(End::Dst).unwrap_or(0),
    })
}

pub(crate) fn read_sec_ctx(ctx: &ext::SecCtx) -> model::SecCtx {
    let context = ctx.context.strip_suffix(&[0]).unwrap_or(&ctx.context);
    model::SecCtx { doi: ctx.doi, alg: ctx.alg, context: context.to_vec() }
}
