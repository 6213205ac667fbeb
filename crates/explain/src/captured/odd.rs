//! Which packet is not looked up as it is, and what is in UDP.

use std::net::IpAddr;

use model::{Proto, Upper};

use super::{
    Authenticated,
    ip::{Ip, half, word},
};
use crate::{Oddity, sizes::ESP_HEADER};

/// Whether UDP to an address, from a port and to a port, may have ESP in it.
type IsEncapsulation<'a> = &'a dyn Fn(IpAddr, u16, u16) -> bool;

/// Bytes that the kernel reads of a header of IPComp before it looks up an SA.
const IPCOMP_HEADER: usize = 4;
const UDP_HEADER: usize = 8;

/// Why a packet for this host is not looked up as it is, if so.
pub(super) fn odd(ip: &Ip<'_>, is_encapsulation: IsEncapsulation<'_>) -> Option<Oddity> {
    if ip.is_malformed {
        return Some(Oddity::BadIpHeader);
    }
    if ip.fragment.is_some() {
        return ip.fragment;
    }
    if Upper::Number(ip.protocol) == Upper::UDP {
        return odd_udp(ip, is_encapsulation);
    }
    let header = match Proto::from_number(ip.protocol)? {
        Proto::Esp => ESP_HEADER,
        Proto::Ah => Authenticated::HEADER,
        Proto::IpComp => IPCOMP_HEADER,
        _ => return None,
    };
    let is_short = ip.is_whole && ip.payload.len() < header;
    is_short.then_some(Oddity::ShortHeader)
}

fn odd_udp(ip: &Ip<'_>, is_encapsulation: IsEncapsulation<'_>) -> Option<Oddity> {
    if ip.is_whole && !has_udp_length(ip) {
        return Some(Oddity::UdpLength);
    }
    let inside = in_udp(ip, is_encapsulation)?;
    let is_short = ip.is_whole && inside.len() < ip.fixed();
    match natt(ip, is_encapsulation) {
        Some(_) => is_short.then_some(Oddity::ShortInUdp),
        None => (inside == [0xff]).then_some(Oddity::Keepalive),
    }
}

/// Whether UDP of a whole packet has a length that the kernel takes (`__udp4_lib_rcv`, `__udp6_lib_rcv`): in IPv6 0 is that of
/// all that follows.
fn has_udp_length(ip: &Ip<'_>) -> bool {
    let length = half(ip.payload, 4).map(usize::from);
    let is_possible = |length| (UDP_HEADER..=ip.payload.len()).contains(&length);
    ip.payload.len() >= UDP_HEADER
        && length.is_ok_and(|length| is_possible(length) || length == 0 && ip.src.is_ipv6())
}

/// ESP in UDP: longer than a header, and without the marker of IKE.
pub(super) fn natt<'a>(ip: &Ip<'a>, is_encapsulation: IsEncapsulation<'_>) -> Option<&'a [u8]> {
    let inside = in_udp(ip, is_encapsulation)?;
    let is_long = inside.len() > ESP_HEADER || !ip.is_whole;
    (is_long && word(inside, 0).ok()? != 0).then_some(inside)
}

/// What is in UDP to a port of ESP in UDP, by the length that UDP has.
fn in_udp<'a>(ip: &Ip<'a>, is_encapsulation: IsEncapsulation<'_>) -> Option<&'a [u8]> {
    let udp = ip.payload;
    let field = |at| half(udp, at).ok();
    let is_meant = is_encapsulation(ip.dst, field(0)?, field(2)?);
    let length = usize::from(field(4)?);
    let inside = udp.get(UDP_HEADER..length).or_else(|| udp.get(UDP_HEADER..));
    inside.filter(|_| is_meant)
}
