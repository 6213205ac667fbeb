//! What extensions are made of: numbers, socket addresses, padding.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use bytes::BufMut;
use nom::{
    IResult, Parser,
    bytes::complete::take,
    error::{Error, ErrorKind},
    number::{
        Endianness,
        complete::{be_u16, be_u32, be_u128, u16, u32, u64},
    },
};
use rustix::net::AddressFamily;

const AF_INET: u16 = AddressFamily::INET.as_raw();
const AF_INET6: u16 = AddressFamily::INET6.as_raw();

pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T>;

/// A number in host order.
pub(crate) fn ne_u16(input: &[u8]) -> Parsed<'_, u16> {
    u16(Endianness::Native)(input)
}

/// A number in host order.
pub(crate) fn ne_u32(input: &[u8]) -> Parsed<'_, u32> {
    u32(Endianness::Native)(input)
}

/// A number in host order.
pub(crate) fn ne_u64(input: &[u8]) -> Parsed<'_, u64> {
    u64(Endianness::Native)(input)
}

/// `sockaddr_in` or `sockaddr_in6`; other families are refused, as by AF_KEY.
pub(crate) fn sockaddr(input: &[u8]) -> Parsed<'_, SocketAddr> {
    let (rest, family) = ne_u16(input)?;
    match family {
        AF_INET => (be_u16, be_u32, take(8_usize))
            .map(|(port, ip, _)| SocketAddrV4::new(Ipv4Addr::from_bits(ip), port).into())
            .parse(rest),
        AF_INET6 => (be_u16, ne_u32, be_u128, ne_u32)
            .map(|(port, flow, ip, scope)| {
                SocketAddrV6::new(Ipv6Addr::from_bits(ip), port, flow, scope).into()
            })
            .parse(rest),
        _ => Err(nom::Err::Error(Error::new(input, ErrorKind::Switch))),
    }
}

/// Two socket addresses, the second right behind the first.
pub(crate) fn sockaddr_pair(input: &[u8]) -> Parsed<'_, (SocketAddr, SocketAddr)> {
    (sockaddr, sockaddr).parse(input)
}

/// Appends a `sockaddr_in` or `sockaddr_in6`.
pub(crate) fn put_sockaddr(out: &mut Vec<u8>, address: &SocketAddr) {
    match address {
        SocketAddr::V4(v4) => {
            out.put_u16_ne(AF_INET);
            out.put_u16(v4.port());
            out.put_slice(&v4.ip().octets());
            out.put_bytes(0, 8);
        }
        SocketAddr::V6(v6) => {
            out.put_u16_ne(AF_INET6);
            out.put_u16(v6.port());
            out.put_u32_ne(v6.flowinfo());
            out.put_slice(&v6.ip().octets());
            out.put_u32_ne(v6.scope_id());
        }
    }
}

/// What setkey -v prints as a socket address's length and family.
pub(crate) fn sockaddr_len_family(address: &SocketAddr) -> (u8, u16) {
    match address {
        SocketAddr::V4(_) => (16, AF_INET),
        SocketAddr::V6(_) => (28, AF_INET6),
    }
}
