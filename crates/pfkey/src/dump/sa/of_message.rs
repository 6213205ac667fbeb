use std::borrow::Cow;

use model::{AlgorithmKind, Dialect, Lifetimes, Proto, SaMode, SaType, Spi};

use super::{End, KeyLine, SaText};
use crate::{
    Message,
    dump::{HostText, style::Style, text::dumped_mode},
    entry::fields,
    ext::{self, Address, AddressKind, KeyKind, LifetimeKind, Sa, Sa2},
    wire::numbers,
};

impl<'a> SaText<'a> {
    /// The text of the SA of a message. With `ports`, addresses are followed by their ports; `now` is
    /// in Unix seconds.
    ///
    /// The error is what is printed instead of an SA whose message lacks an extension.
    pub fn of_message(
        message: &'a Message,
        ports: bool,
        now: u64,
        host: HostText,
    ) -> Result<Self, String> {
        let encap = encap(message);
        let Necessary { src, dst, sa, sa2 } = Necessary::of(message, ports, host)?;
        let proto = numbers::proto(message.satype).ok();
        let original = message.address(AddressKind::NatOriginal).filter(|_| encap.is_some());
        Ok(Self {
            src,
            dst,
            proto: match encap {
                None => sa_type(message.satype),
                Some(_) if proto == Some(Proto::Esp) => "esp-udp".into(),
                Some(_) => format!("natt+{}", sa_type(message.satype)).into(),
            },
            mode: mode(sa2.mode),
            spi: Spi(sa.spi),
            reqid: sa2.reqid,
            nat_original: original.map(|original| host(original.sockaddr)),
            compression: (proto == Some(Proto::IpComp))
                .then(|| algorithm(&[AlgorithmKind::Comp], sa.encrypt)),
            encryption: message.key(KeyKind::Encrypt).filter(|_| proto == Some(Proto::Esp)).map(
                |key| KeyLine {
                    name: algorithm(&[AlgorithmKind::Crypt, AlgorithmKind::Aead], sa.encrypt),
                    key,
                },
            ),
            authentication: message
                .key(KeyKind::Auth)
                .map(|key| KeyLine { name: algorithm(&[AlgorithmKind::Auth], sa.auth), key }),
            redact: false,
            sequence: sa2.sequence,
            window: sa.replay.into(),
            flags: sa.flags,
            state: state(sa.state),
            offload: None,
            lifetimes: lifetimes(message),
            now,
            sec_ctx: message.sec_ctx().map(Into::into),
            seq: message.seq,
            pid: message.pid,
            references: message.reserved,
            style: Style::of(Dialect::Linux),
        })
    }
}

/// The extensions without which nothing is printed of an SA.
struct Necessary<'a> {
    src: End,
    dst: End,
    sa: &'a Sa,
    sa2: &'a Sa2,
}

impl<'a> Necessary<'a> {
    fn of(message: &'a Message, ports: bool, host: HostText) -> Result<Self, String> {
        let end = |address: &Address, end| End {
            host: host(address.sockaddr),
            own_port: ports.then(|| address.sockaddr.port()),
            nat_port: message.nat_port(end).filter(|_| encap(message).is_some()),
        };
        let Some(src) = message.address(AddressKind::Src) else {
            return Err("no ADDRESS_SRC extension.\n".to_owned());
        };
        let src = end(src, ext::End::Src);
        let Some(dst) = message.address(AddressKind::Dst) else {
            return Err(format!("{src}  no ADDRESS_DST extension.\n"));
        };
        let dst = end(dst, ext::End::Dst);
        let Some(sa) = message.sa() else {
            return Err(format!("{src} {dst} no SA extension.\n"));
        };
        let Some(sa2) = message.sa2() else {
            return Err(format!("{src} {dst} no SA2 extension.\n"));
        };
        Ok(Self { src, dst, sa, sa2 })
    }
}

/// The number of its encapsulation.
fn encap(message: &Message) -> Option<u8> {
    message.nat_type().filter(|&kind| kind != 0)
}

fn lifetimes(message: &Message) -> Option<(model::Current, Lifetimes)> {
    let current = message.lifetime(LifetimeKind::Current)?;
    Some((current.into(), fields::limits(message)))
}

/// The word of ipsec-tools for a `SADB_SATYPE_*` number, some of which no SA has.
fn sa_type(number: u8) -> Cow<'static, str> {
    if let Some(sa_type) = SaType::from_pfkey(number) {
        return sa_type.word().into();
    }
    match number {
        0 => "unspec".into(),
        1 | 4 => "unknown".into(),
        10 => "policy".into(),
        11 => "tcp".into(),
        _ => number.to_string().into(),
    }
}

fn mode(number: u8) -> Cow<'static, str> {
    match (number, numbers::mode(number)) {
        (0, _) => SaMode::ANY_WORD.into(),
        (_, Ok(mode)) => dumped_mode(mode).into(),
        (_, Err(_)) => number.to_string().into(),
    }
}

fn state(number: u8) -> Cow<'static, str> {
    numbers::state(number).map_or_else(|_| number.to_string().into(), |state| state.word().into())
}

/// The word for an algorithm in dumps; its number where there is none.
fn algorithm(kinds: &[AlgorithmKind], number: u8) -> Cow<'static, str> {
    if number == 0 {
        return "none".into();
    }
    numbers::algorithm(kinds, "", number)
        .map_or_else(|_| number.to_string().into(), |algorithm| algorithm.dumped.into())
}
