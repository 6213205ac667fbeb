//! A packet as it was captured: what its headers have before anything is decrypted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{EncapKind, Proto, Spi, Upper};

use crate::{Arrival, Flow};

/// A captured packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The headers of AH, ESP and IPComp, outermost first, down to the first that is encrypted.
    pub arrivals: Vec<Arrival>,
    /// The packet inside, or all of it if it has no such header; none: it is encrypted or compressed.
    pub flow: Option<Flow>,
    /// The addresses of the outermost IP header: those of the packet inside too, in transport mode.
    pub ends: (IpAddr, IpAddr),
    /// The length of the packet, bytes, with the IP header.
    pub length: usize,
    /// The UDP packet around the outermost header, if there is one.
    pub udp: Option<Flow>,
    /// The TTL or hop limit of the packet of `flow`; none: it is encrypted.
    pub hops: Option<u8>,
    /// The outermost header, if it is ESP, and all that follows it.
    pub esp: Option<Vec<u8>>,
    /// The bit DF of the packet of `flow`; none: it is IPv6, or encrypted.
    pub dont_fragment: Option<bool>,
}

/// Whether UDP to an address, from a port and to a port, may have ESP in it.
pub type IsEncapsulation<'a> = &'a dyn Fn(IpAddr, u16, u16) -> bool;

/// Why a packet cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// It ends within a header.
    #[error("the packet is truncated")]
    Truncated,
    /// It is neither IPv4 nor IPv6.
    #[error("the packet is no IP packet")]
    NotIp,
    /// A file of Wireshark's newer format.
    #[error("the file is pcapng: `tcpdump -r FILE -w -` makes pcap of it")]
    PcapNg,
    /// A link layer that is not Ethernet, raw IP or Linux' cooked one.
    #[error("the link type {0} of the capture is not known")]
    LinkType(u32),
    /// A file without a packet.
    #[error("the capture has no packet")]
    Empty,
}

const ESP: u8 = 50;
const AH: u8 = 51;
const IPCOMP: u8 = 108;
const UDP: u8 = 17;
/// The port of ESP in UDP (RFC 3948).
const NAT_T: u16 = 4500;

impl Captured {
    /// Reads the first packet of a pcap file, or an IP packet as it is.
    ///
    /// Errors: [`CaptureError`].
    pub fn read(bytes: &[u8]) -> Result<Self, CaptureError> {
        Self::read_with(bytes, &is_natt)
    }

    /// As [`Captured::read`], with other ports of ESP in UDP.
    ///
    /// Errors: [`CaptureError`].
    pub fn read_with(
        bytes: &[u8],
        is_encapsulation: IsEncapsulation<'_>,
    ) -> Result<Self, CaptureError> {
        match bytes {
            [0x0a, 0x0d, 0x0d, 0x0a, ..] => Err(CaptureError::PcapNg),
            [0xd4, 0xc3, 0xb2, 0xa1, ..] | [0x4d, 0x3c, 0xb2, 0xa1, ..] => {
                pcap(bytes, u32::from_le_bytes, is_encapsulation)
            }
            [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0xa1, 0xb2, 0x3c, 0x4d, ..] => {
                pcap(bytes, u32::from_be_bytes, is_encapsulation)
            }
            _ => Self::of_packet_with(bytes, is_encapsulation),
        }
    }

    /// Reads an IP packet.
    ///
    /// Errors: [`CaptureError::Truncated`], [`CaptureError::NotIp`].
    pub fn of_packet(bytes: &[u8]) -> Result<Self, CaptureError> {
        Self::of_packet_with(bytes, &is_natt)
    }

    fn of_packet_with(
        bytes: &[u8],
        is_encapsulation: IsEncapsulation<'_>,
    ) -> Result<Self, CaptureError> {
        let mut ip = Ip::read(bytes)?;
        let (ends, length) = ((ip.src, ip.dst), bytes.len());
        let (arrivals, flow, udp, hops) = (Vec::new(), None, None, None);
        let (esp, dont_fragment) = (None, None);
        let mut captured = Self { arrivals, flow, ends, length, udp, hops, esp, dont_fragment };
        loop {
            let (step, encapsulation) = match ip.protocol {
                UDP => (natt(&ip, is_encapsulation), Some(EncapKind::EspInUdp)),
                protocol => (Some((protocol, ip.payload)), None),
            };
            let is_first = captured.arrivals.is_empty();
            let arrival = |spi, proto, sequence| Arrival {
                spi: Spi(spi),
                proto: Some(proto),
                dst: Some(ip.dst),
                sequence,
                // The kernel compares it of the outermost header.
                encapsulation: Some(encapsulation.filter(|_| is_first)),
                integrity: None,
            };
            match step {
                Some((ESP, payload)) => {
                    captured.udp = ip.flow().filter(|_| is_first && encapsulation.is_some());
                    let [spi, sequence] = [word(payload, 0)?, word(payload, 4)?];
                    captured.arrivals.push(arrival(spi, Proto::Esp, Some(sequence)));
                    captured.esp = (is_first && ip.is_whole).then(|| payload.to_vec());
                    return Ok(captured);
                }
                Some((IPCOMP, payload)) => {
                    let cpi = half(payload, 2)?;
                    captured.arrivals.push(arrival(cpi.into(), Proto::IpComp, None));
                    return Ok(captured);
                }
                Some((AH, payload)) => {
                    let [spi, sequence] = [word(payload, 4)?, word(payload, 8)?];
                    captured.arrivals.push(arrival(spi, Proto::Ah, Some(sequence)));
                    let words = usize::from(*payload.get(1).ok_or(CaptureError::Truncated)?);
                    ip.protocol = payload[0];
                    ip.payload = payload.get((words + 2) * 4..).ok_or(CaptureError::Truncated)?;
                    // IPv4 and IPv6 inside: a tunnel.
                    if [4, 41].contains(&ip.protocol) {
                        ip = Ip::read(ip.payload)?;
                    }
                }
                _ => {
                    captured.flow = ip.flow();
                    captured.dont_fragment = ip.dont_fragment;
                    captured.hops = Some(ip.hops);
                    return Ok(captured);
                }
            }
        }
    }
}

/// ESP in UDP: not a keepalive, and without the marker of IKE.
fn natt<'a>(ip: &Ip<'a>, is_encapsulation: IsEncapsulation<'_>) -> Option<(u8, &'a [u8])> {
    let udp = ip.payload;
    let is_meant = is_encapsulation(ip.dst, half(udp, 0).ok()?, half(udp, 2).ok()?);
    let spi = word(udp, 8).ok()?;
    (is_meant && spi != 0).then(|| (ESP, &udp[8..]))
}

/// Sent or received.
fn is_natt(_: IpAddr, src_port: u16, dst_port: u16) -> bool {
    [src_port, dst_port].contains(&NAT_T)
}

/// An IP header, and what follows it.
struct Ip<'a> {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    hops: u8,
    payload: &'a [u8],
    /// Whether `payload` is all that follows the header, by its length.
    is_whole: bool,
    is_later_fragment: bool,
    dont_fragment: Option<bool>,
}

impl<'a> Ip<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, CaptureError> {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => Self::v4(bytes),
            Some(6) => Self::v6(bytes),
            _ => Err(CaptureError::NotIp),
        }
    }

    fn v4(bytes: &'a [u8]) -> Result<Self, CaptureError> {
        let addr =
            |at: usize| bytes.get(at..at + 4).and_then(|addr| <[u8; 4]>::try_from(addr).ok());
        let (src, dst) = addr(12).zip(addr(16)).ok_or(CaptureError::Truncated)?;
        let header = (usize::from(bytes[0] & 15) * 4).max(20);
        let rest = bytes.get(header..).ok_or(CaptureError::Truncated)?;
        let (payload, is_all) = cut(rest, usize::from(half(bytes, 2)?).checked_sub(header));
        // More fragments follow.
        let is_whole = is_all && half(bytes, 6)? & 0x2000 == 0;
        Ok(Self {
            src: Ipv4Addr::from(src).into(),
            dst: Ipv4Addr::from(dst).into(),
            protocol: bytes[9],
            hops: bytes[8],
            payload,
            is_whole,
            is_later_fragment: half(bytes, 6)? & 0x1fff != 0,
            dont_fragment: Some(half(bytes, 6)? & 0x4000 != 0),
        })
    }

    fn v6(bytes: &'a [u8]) -> Result<Self, CaptureError> {
        let addr =
            |at: usize| bytes.get(at..at + 16).and_then(|addr| <[u8; 16]>::try_from(addr).ok());
        let (src, dst) = addr(8).zip(addr(24)).ok_or(CaptureError::Truncated)?;
        let (src, dst) = (Ipv6Addr::from(src).into(), Ipv6Addr::from(dst).into());
        let (protocol, rest) = (bytes[6], bytes.get(40..).ok_or(CaptureError::Truncated)?);
        let (payload, is_whole) = cut(rest, Some(half(bytes, 4)?.into()));
        let (hops, is_later_fragment, dont_fragment) = (bytes[7], false, None);
        let mut ip =
            Self { src, dst, protocol, hops, payload, is_whole, is_later_fragment, dont_fragment };
        // Hop-by-hop options, routing header, destination options; the fragment header.
        while [0, 43, 60, 44].contains(&ip.protocol) {
            let [next, length, ..] = *ip.payload else { return Err(CaptureError::Truncated) };
            let length = if ip.protocol == 44 { 0 } else { usize::from(length) };
            if ip.protocol == 44 {
                let field = half(ip.payload, 2)?;
                ip.is_later_fragment |= field & 0xfff8 != 0;
                ip.is_whole &= field & 1 == 0;
            }
            ip.payload = ip.payload.get((length + 1) * 8..).ok_or(CaptureError::Truncated)?;
            ip.protocol = next;
        }
        Ok(ip)
    }

    /// What the look-up sees of it.
    fn flow(&self) -> Option<Flow> {
        let mut flow = Flow::new(self.src, self.dst).ok()?;
        flow.upper = Some(self.protocol);
        let upper = Upper::Number(self.protocol);
        let first = |at| half(self.payload, at).ok().filter(|_| !self.is_later_fragment);
        let (src, dst) = match upper {
            _ if upper.has_ports() => (first(0), first(2)),
            // Type and code.
            Upper::ICMP | Upper::ICMPV6 => {
                let bytes = first(0).map(u16::to_be_bytes);
                (bytes.map(|[kind, _]| kind.into()), bytes.map(|[_, code]| code.into()))
            }
            Upper::GRE => {
                let key = gre_key(self.payload).filter(|_| !self.is_later_fragment);
                (key.map(|[high, _]| high), key.map(|[_, low]| low))
            }
            _ => (None, None),
        };
        (flow.src_port, flow.dst_port) =
            if self.is_later_fragment { (Some(0), Some(0)) } else { (src, dst) };
        Some(flow)
    }
}

/// The halves of the key of GRE; 0: it has none. Of other versions and with a route it is not known.
fn gre_key(gre: &[u8]) -> Option<[u16; 2]> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTE: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const VERSION: u16 = 7;
    let flags = half(gre, 0).ok()?;
    let at = if flags & CHECKSUM == 0 { 4 } else { 8 };
    match (flags & (ROUTE | VERSION), flags & KEY) {
        (0, 0) => Some([0, 0]),
        (0, _) => half(gre, at).ok().zip(half(gre, at + 2).ok()).map(<[u16; 2]>::from),
        _ => None,
    }
}

/// What follows a header, without the padding of its link, by the length that the header has; and whether it is all there.
/// A length of 0 is that of a packet that its device was to part.
fn cut(rest: &[u8], length: Option<usize>) -> (&[u8], bool) {
    match length.filter(|length| *length != 0) {
        Some(length) => (rest.get(..length).unwrap_or(rest), rest.len() >= length),
        None => (rest, false),
    }
}

fn half(bytes: &[u8], at: usize) -> Result<u16, CaptureError> {
    let bytes = bytes.get(at..at + 2).ok_or(CaptureError::Truncated)?;
    Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn word(bytes: &[u8], at: usize) -> Result<u32, CaptureError> {
    Ok(u32::from(half(bytes, at)?) << 16 | u32::from(half(bytes, at + 2)?))
}

/// The first packet of a pcap file (pcap-savefile(5)).
fn pcap(
    bytes: &[u8],
    number: fn([u8; 4]) -> u32,
    is_encapsulation: IsEncapsulation<'_>,
) -> Result<Captured, CaptureError> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(number).ok_or(CaptureError::Empty)
    };
    let link = number(20)? & 0x0fff_ffff;
    let length = usize::try_from(number(32)?).map_err(|_| CaptureError::Truncated)?;
    let frame =
        bytes.get(40..).and_then(|rest| rest.get(..length)).ok_or(CaptureError::Truncated)?;
    let header = match link {
        // Ethernet, with one tag of a VLAN or none.
        1 if half(frame, 12)? == 0x8100 => 18,
        1 => 14,
        // BSD loopback.
        0 | 108 => 4,
        // Raw IP, IPv4, IPv6.
        101 | 228 | 229 => 0,
        // Linux' cooked captures.
        113 => 16,
        276 => 20,
        other => return Err(CaptureError::LinkType(other)),
    };
    Captured::of_packet_with(frame.get(header..).ok_or(CaptureError::Truncated)?, is_encapsulation)
}

#[cfg(test)]
mod tests;
