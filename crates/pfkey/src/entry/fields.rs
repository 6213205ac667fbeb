//! Values of the model as extensions and back: what messages about SAs and messages about policies
//! have in common.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU64,
};

use model::{AddressPair, Current, Prefix, Upper};

use crate::{
    Message,
    ext::{Address, Lifetime, LifetimeKind, SecCtx},
};

/// `IPSEC_ULPROTO_ANY`: any upper-layer protocol.
pub(crate) const ANY_PROTO: u8 = 255;

/// All zeros, of the family of `address`.
pub(crate) fn unspecified(address: IpAddr) -> IpAddr {
    if address.is_ipv4() { [0; 4].into() } else { [0; 16].into() }
}

/// A whole address.
pub(crate) fn host(address: IpAddr, proto: u8, port: u16) -> Address {
    prefix(Prefix::host(address), proto, port)
}

pub(crate) fn prefix(prefix: Prefix, proto: u8, port: u16) -> Address {
    let sockaddr = SocketAddr::new(prefix.addr(), port);
    Address { proto, prefix_len: prefix.length(), sockaddr }
}

/// `pfkey_proto_from_xfrm`: any is 255.
pub(crate) fn upper_number(upper: Upper) -> u8 {
    match upper {
        Upper::Any => ANY_PROTO,
        Upper::Number(number) => number,
    }
}

pub(crate) fn sockaddrs(ends: AddressPair) -> (SocketAddr, SocketAddr) {
    (SocketAddr::new(ends.src(), 0), SocketAddr::new(ends.dst(), 0))
}

impl From<&model::Lifetime> for Lifetime {
    fn from(limit: &model::Lifetime) -> Self {
        let [packets, bytes, add_time, use_time] = limit.numbers();
        Self { allocations: allocations(packets), bytes, add_time, use_time }
    }
}

impl From<&Lifetime> for model::Lifetime {
    fn from(limit: &Lifetime) -> Self {
        let packets = limit.allocations.into();
        Self::from_numbers([packets, limit.bytes, limit.add_time, limit.use_time])
    }
}

impl From<&Current> for Lifetime {
    fn from(current: &Current) -> Self {
        Self {
            allocations: allocations(current.packets),
            bytes: current.bytes,
            add_time: current.add_time,
            use_time: current.use_time.map_or(0, NonZeroU64::get),
        }
    }
}

impl From<&Lifetime> for Current {
    fn from(current: &Lifetime) -> Self {
        Self {
            packets: current.allocations.into(),
            bytes: current.bytes,
            add_time: current.add_time,
            use_time: NonZeroU64::new(current.use_time),
        }
    }
}

/// The field has 32 bits. AF_KEY takes the low ones, which may read as no limit at all.
fn allocations(packets: u64) -> u32 {
    u32::try_from(packets).unwrap_or(u32::MAX)
}

impl From<&model::SecCtx> for SecCtx {
    /// The context goes over the wire with a terminating NUL.
    fn from(ctx: &model::SecCtx) -> Self {
        let context = ctx.context.iter().copied().chain([0]).collect();
        Self { alg: ctx.alg, doi: ctx.doi, context }
    }
}

impl From<&SecCtx> for model::SecCtx {
    fn from(ctx: &SecCtx) -> Self {
        let context = ctx.context.strip_suffix(&[0]).unwrap_or(&ctx.context);
        Self { doi: ctx.doi, alg: ctx.alg, context: context.to_vec() }
    }
}

/// The limits; those that the message does not have are none.
pub(crate) fn limits(message: &Message) -> model::Lifetimes {
    let limit = |kind| message.lifetime(kind).map(Into::into).unwrap_or_default();
    model::Lifetimes { hard: limit(LifetimeKind::Hard), soft: limit(LifetimeKind::Soft) }
}

pub(crate) fn current(message: &Message) -> Current {
    message.lifetime(LifetimeKind::Current).map(Into::into).unwrap_or_default()
}
