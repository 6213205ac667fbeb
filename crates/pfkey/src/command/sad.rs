use std::num::NonZeroU32;

use model::{
    AddressPair, Mark, Mode, Prefix, Proto, ReqId, Sa, SaFlags, SaId, Selector, Spi, SpiRequest,
};

use super::{GetSpi, SadQuery, extensions::Extensions};
use crate::{
    Error, Message,
    entry::{fields, sad},
    ext::{self, AddressKind, KeyKind, LifetimeKind, SpiRange},
    wire::numbers,
};

/// `SADB_AALG_MAX`, `SADB_EALG_MAX` and `SADB_X_CALG_MAX` (linux/pfkeyv2.h).
const MAX_AUTH: u8 = 251;
const MAX_ENCRYPT: u8 = 253;
const MAX_COMP: u8 = 4;
/// `SADB_X_AALG_NULL` and `SADB_EALG_NULL`.
const NULL_AUTH: u8 = 251;
const NULL_ENCRYPT: u8 = 11;

/// The SPIs of a GETSPI that gives no range.
const ANY_SPI: SpiRange = SpiRange { min: Spi::FIRST_FREE.0, max: Spi::LAST_CHOSEN.0 };

/// The SA of an ADD or UPDATE (`pfkey_msg2xfrm_state`). `sadb_sa_state` is ignored, since KAME's
/// setkey sends larval.
pub(super) fn add(extensions: &Extensions<'_>) -> Result<Sa, Error> {
    let message = &extensions.message;
    let named = message.sa().ok_or(Error::Missing("SA"))?;
    let ends = ends(extensions)?;
    let proto = numbers::proto(message.satype);
    check_presence(message, proto.as_ref().ok().copied())?;
    let proto = proto?;
    check_numbers(message, named, proto)?;
    let mut sa = Sa::bare(ends, proto, Spi(named.spi));
    sad::read_algorithms(message, named, &mut sa)?;
    drop_unused(&mut sa);
    let sa2 = message.sa2().copied().unwrap_or_default();
    sa.mode = mode(sa2.mode)?.into();
    sa.reqid = ReqId::new(sa2.reqid);
    sa.seq = NonZeroU32::new(message.seq);
    sa.selector = message.address(AddressKind::Proxy).map(proxied).transpose()?;
    sa.replay_window = replay_window(named.replay, proto);
    sa.flags = SaFlags::from_pfkey(named.flags);
    sa.lifetimes = fields::limits(message);
    sa.sec_ctx = message.sec_ctx().map(Into::into);
    // `xfrm_init_state`: first the transform, then what it makes of the SA.
    if proto == Proto::Any {
        return Err(Error::NoTransform);
    }
    sa.encap = message.nat_type().map(|number| sad::encap(message, number)).transpose()?;
    Ok(sa)
}

/// AF_KEY cuts a window to 32 packets. Netlink takes wider ones, but of ESP and AH only.
fn replay_window(packets: u8, proto: Proto) -> u32 {
    if proto == Proto::IpComp { packets.min(32).into() } else { packets.into() }
}

/// AF_KEY keeps an algorithm that the protocol has no use for; netlink would refuse it.
fn drop_unused(sa: &mut Sa) {
    match sa.proto {
        Proto::Ah => (sa.crypt, sa.aead) = (None, None),
        Proto::IpComp => sa.auth = None,
        _ => {}
    }
}

fn check_presence(message: &Message, proto: Option<Proto>) -> Result<(), Error> {
    let key = |kind, what| message.key(kind).map(drop).ok_or(Error::Missing(what));
    match proto {
        Some(Proto::Esp) => key(KeyKind::Encrypt, "encryption key")?,
        Some(Proto::Ah) => key(KeyKind::Auth, "authentication key")?,
        _ => {}
    }
    match [LifetimeKind::Hard, LifetimeKind::Soft].map(|kind| message.lifetime(kind).is_some()) {
        [true, false] => Err(Error::Missing("soft lifetime")),
        [false, true] => Err(Error::Missing("hard lifetime")),
        _ => Ok(()),
    }
}

/// The algorithms' numbers, and keys where there must be some.
fn check_numbers(message: &Message, named: &ext::Sa, proto: Proto) -> Result<(), Error> {
    let max_encrypt = if proto == Proto::IpComp { MAX_COMP } else { MAX_ENCRYPT };
    for (field, number, max) in [
        ("authentication algorithm", named.auth, MAX_AUTH),
        ("encryption algorithm", named.encrypt, max_encrypt),
    ] {
        if number > max {
            return Err(Error::UnknownNumber { field, number: number.into() });
        }
    }
    let is_empty = |kind| message.key(kind).is_some_and(|key| key.bits() == 0);
    if named.auth != NULL_AUTH && is_empty(KeyKind::Auth) {
        return Err(Error::Missing("authentication key"));
    }
    if named.encrypt != NULL_ENCRYPT && is_empty(KeyKind::Encrypt) {
        return Err(Error::Missing("encryption key"));
    }
    Ok(())
}

/// `pfkey_mode_to_xfrm`: IPSEC_MODE_ANY is transport.
pub(super) fn mode(number: u8) -> Result<Mode, Error> {
    if number == 0 { Ok(Mode::Transport) } else { numbers::mode(number) }
}

/// The selector of an SA with a PROXY, the source of its packets: AF_KEY reads nothing else.
fn proxied(proxy: &ext::Address) -> Result<Selector, Error> {
    let src = Prefix::new(proxy.sockaddr.ip(), Some(proxy.prefix_len.into()))?;
    let dst = Prefix::new(fields::unspecified(src.addr()), Some(0))?;
    Ok(Selector::new(src, dst)?)
}

fn ends(extensions: &Extensions<'_>) -> Result<AddressPair, Error> {
    let (src, dst) = extensions.addresses()?;
    Ok(AddressPair::new(src.sockaddr.ip(), dst.sockaddr.ip())?)
}

/// `pfkey_getspi`.
pub(super) fn get_spi(extensions: &Extensions<'_>) -> Result<GetSpi, Error> {
    let message = &extensions.message;
    let ends = ends(extensions)?;
    let proto = numbers::proto(message.satype)?;
    let sa2 = message.sa2().copied().unwrap_or_default();
    let mode = mode(sa2.mode)?;
    let range = message.spi_range().copied();
    let SpiRange { min, max } = range.unwrap_or(ANY_SPI);
    // `verify_spi_info`
    if proto == Proto::Any {
        return Err(Error::UnknownNumber { field: "SA type", number: message.satype.into() });
    }
    if min > max || (proto == Proto::IpComp && max > Spi::LAST_CPI.0) {
        return Err(Error::SpiRange(Spi(min), Spi(max)));
    }
    Ok(GetSpi {
        larval: SpiRequest {
            ends,
            proto,
            spi: None,
            mode: mode.into(),
            reqid: ReqId::new(sa2.reqid),
        },
        range: range.map(|range| (Spi(range.min), Spi(range.max))),
        acquire: NonZeroU32::new(message.seq),
    })
}

/// The name of the SA of a GET or DELETE (`pfkey_xfrm_state_lookup`). The source must be there, and
/// is not compared.
pub(super) fn id(extensions: &Extensions<'_>) -> Result<SaId, Error> {
    let message = &extensions.message;
    let named = message.sa().ok_or(Error::Missing("SA"))?;
    let dst = ends(extensions)?.dst();
    let proto = numbers::proto(message.satype).ok().filter(|&proto| proto != Proto::Any);
    let proto = proto.ok_or(Error::NoSaOfType(message.satype))?;
    Ok(SaId { dst, proto, spi: Spi(named.spi), mark: Mark::default() })
}

/// `pfkey_flush`.
pub(super) fn flushed(header: &Message) -> Result<Option<Proto>, Error> {
    Ok(Some(numbers::proto(header.satype)?).filter(|&proto| proto != Proto::Any))
}

/// `pfkey_dump`.
pub(super) fn query(extensions: &Extensions<'_>) -> Result<SadQuery, Error> {
    let proto = flushed(&extensions.message)?;
    let filter = extensions.message.filter().copied();
    if let Some(filter) = filter {
        for bits in [filter.src_prefix_len, filter.dst_prefix_len] {
            if bits > 128 {
                return Err(Error::UnknownNumber { field: "prefix length", number: bits.into() });
            }
        }
    }
    Ok(SadQuery { proto, filter })
}
