//! An IP header of a captured packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{NamedUpper, Upper};

use super::CaptureError;
use crate::{
    Flow, Oddity,
    contained::{IPV4, IPV6},
};

/// Hop-by-hop options, routing header, destination options; the fragment header.
const EXTENSIONS: [u8; 4] = [0, 43, 60, FRAGMENT];
const FRAGMENT: u8 = NamedUpper::Fragment.number();
/// Bytes of a header without options or extensions.
const LEAST: [usize; 2] = [20, 40];

/// An IP header, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ip<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) protocol: u8,
    pub(super) hops: u8,
    /// The header as it came, with its options or extensions.
    pub(super) header: &'a [u8],
    pub(super) payload: &'a [u8],
    /// Whether `payload` is all that follows the header, by its length.
    pub(super) is_whole: bool,
    /// Whether its header has lengths that the kernel refuses (`ip_rcv_core`).
    pub(super) is_malformed: bool,
    pub(super) fragment: Option<Oddity>,
    /// Whether it has a fragment header of IPv6, also if it is no fragment.
    has_fragment_header: bool,
    pub(super) dont_fragment: Option<bool>,
    /// Bytes of header and payload, by the header; none: a packet that its device was to part has the length 0.
    declared: Option<usize>,
}

impl<'a> Ip<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, CaptureError> {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => Self::v4(bytes),
            Some(6) => Self::v6(bytes),
            _ => Err(CaptureError::NotIp),
        }
    }

    /// The packet inside of a header whose next header is this one, IPv4 or IPv6.
    pub(super) fn inside(next: u8, bytes: &'a [u8]) -> Result<Self, Oddity> {
        let (version, least) = if next == IPV4 { (4, LEAST[0]) } else { (6, LEAST[1]) };
        if bytes.len() < least {
            return Err(Oddity::ShortIpHeader);
        }
        let ip = if bytes[0] >> 4 == version { Self::read(bytes).ok() } else { None };
        ip.ok_or(Oddity::BadIpHeader)
    }

    fn v4(bytes: &'a [u8]) -> Result<Self, CaptureError> {
        let addr =
            |at: usize| bytes.get(at..at + 4).and_then(|addr| <[u8; 4]>::try_from(addr).ok());
        let (src, dst) = addr(12).zip(addr(16)).ok_or(CaptureError::Truncated)?;
        let (own, total) = (usize::from(bytes[0] & 15) * 4, usize::from(half(bytes, 2)?));
        let is_malformed = own < LEAST[0] || (1..own).contains(&total);
        let header = if is_malformed { LEAST[0] } else { own };
        let rest = bytes.get(header..).ok_or(CaptureError::Truncated)?;
        let declared = (total != 0).then_some(total.max(header));
        let (payload, is_all) = cut(rest, declared.map(|length| length - header));
        let field = half(bytes, 6)?;
        let fragment = fragment(field & 0x1fff != 0, field & 0x2000 != 0);
        Ok(Self {
            src: Ipv4Addr::from(src).into(),
            dst: Ipv4Addr::from(dst).into(),
            protocol: bytes[9],
            hops: bytes[8],
            header: &bytes[..header],
            payload,
            is_whole: is_all && fragment.is_none(),
            is_malformed,
            fragment,
            has_fragment_header: false,
            dont_fragment: Some(field & 0x4000 != 0),
            declared,
        })
    }

    fn v6(bytes: &'a [u8]) -> Result<Self, CaptureError> {
        let addr =
            |at: usize| bytes.get(at..at + 16).and_then(|addr| <[u8; 16]>::try_from(addr).ok());
        let (src, dst) = addr(8).zip(addr(24)).ok_or(CaptureError::Truncated)?;
        let (src, dst) = (Ipv6Addr::from(src).into(), Ipv6Addr::from(dst).into());
        let (protocol, rest) = (bytes[6], bytes.get(40..).ok_or(CaptureError::Truncated)?);
        let length = usize::from(half(bytes, 4)?);
        let length = Some(length).filter(|length| *length != 0 || rest.is_empty());
        let (payload, is_whole) = cut(rest, length);
        let mut ip = Self {
            src,
            dst,
            protocol,
            hops: bytes[7],
            header: &bytes[..40],
            payload,
            is_whole,
            is_malformed: false,
            fragment: None,
            has_fragment_header: false,
            dont_fragment: None,
            declared: length.map(|length| length + LEAST[1]),
        };
        ip.skip_extensions()?;
        ip.header = &bytes[..bytes.len() - rest.len() + payload.len() - ip.payload.len()];
        Ok(ip)
    }

    /// Goes on to what follows the extension headers of IPv6.
    fn skip_extensions(&mut self) -> Result<(), CaptureError> {
        while self.src.is_ipv6() && EXTENSIONS.contains(&self.protocol) {
            let [next, length, ..] = *self.payload else { return Err(CaptureError::Truncated) };
            let length = if self.protocol == FRAGMENT { 0 } else { usize::from(length) };
            if self.protocol == FRAGMENT {
                let field = half(self.payload, 2)?;
                self.has_fragment_header = true;
                // What the first of them has decides.
                self.fragment = self.fragment.or(fragment(field & 0xfff8 != 0, field & 1 != 0));
                self.is_whole &= self.fragment.is_none();
                if self.is_later_fragment() {
                    return self.end_at(next);
                }
            }
            self.payload = self.payload.get((length + 1) * 8..).ok_or(CaptureError::Truncated)?;
            self.protocol = next;
        }
        Ok(())
    }

    /// What follows the fragment header of a later fragment has no headers.
    fn end_at(&mut self, protocol: u8) -> Result<(), CaptureError> {
        self.payload = self.payload.get(8..).ok_or(CaptureError::Truncated)?;
        self.protocol = protocol;
        Ok(())
    }

    /// The bytes of the IP header, of IPv6 without extensions.
    pub(super) fn fixed(&self) -> usize {
        if self.src.is_ipv4() { self.header.len() } else { self.header.len().min(40) }
    }

    /// Bytes of header and payload, by the header; where that has none, as far as they were captured.
    pub(super) fn length(&self) -> usize {
        self.declared.unwrap_or(self.header.len() + self.payload.len())
    }

    /// Whether its ports count as 0 where it is forwarded: the kernel looks at none behind a fragment header, also if the packet
    /// is no fragment.
    pub(super) fn counts_no_ports(&self) -> bool {
        self.fragment.is_some() || self.has_fragment_header
    }

    /// The next header of a packet that has this one inside.
    pub(super) fn protocol_of_ip(&self) -> u8 {
        if self.src.is_ipv4() { IPV4 } else { IPV6 }
    }

    pub(super) fn is_later_fragment(&self) -> bool {
        self.fragment == Some(Oddity::LaterFragment)
    }

    /// The header without what follows it.
    pub(super) fn bare(self) -> Ip<'static> {
        Ip {
            header: &[],
            payload: &[],
            is_whole: true,
            is_malformed: false,
            fragment: None,
            has_fragment_header: false,
            declared: None,
            ..self
        }
    }

    /// The packet with this in the place of what follows its IP header. It is put together before.
    pub(super) fn with(self, protocol: u8, payload: &[u8]) -> Result<Ip<'_>, CaptureError> {
        let mut ip = Ip { protocol, payload, is_whole: self.is_whole, ..self.bare() };
        ip.skip_extensions()?;
        Ok(ip)
    }

    /// What the look-up sees of it: of a later fragment, which has no ports, those of one that is forwarded.
    pub(super) fn flow(&self) -> Option<Flow> {
        let mut flow = Flow::new(self.src, self.dst).ok()?;
        flow.upper = Some(self.protocol);
        let upper = Upper::Number(self.protocol);
        let first = |at| half(self.payload, at).ok().filter(|_| !self.is_later_fragment());
        let (src, dst) = match upper {
            _ if upper.has_ports() => (first(0), first(2)),
            // Type and code.
            Upper::ICMP | Upper::ICMPV6 => {
                let bytes = first(0).map(u16::to_be_bytes);
                (bytes.map(|[kind, _]| kind.into()), bytes.map(|[_, code]| code.into()))
            }
            Upper::GRE => {
                let key = gre_key(self.payload).filter(|_| !self.is_later_fragment());
                (key.map(|[high, _]| high), key.map(|[_, low]| low))
            }
            _ => (None, None),
        };
        (flow.src_port, flow.dst_port) =
            if self.is_later_fragment() { (Some(0), Some(0)) } else { (src, dst) };
        Some(flow)
    }
}

/// `is_later`: whether it has an offset.
fn fragment(is_later: bool, has_more: bool) -> Option<Oddity> {
    match (is_later, has_more) {
        (true, _) => Some(Oddity::LaterFragment),
        (false, true) => Some(Oddity::FirstFragment),
        (false, false) => None,
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
/// None: a packet that its device was to part has the length 0.
fn cut(rest: &[u8], length: Option<usize>) -> (&[u8], bool) {
    match length {
        Some(length) => (rest.get(..length).unwrap_or(rest), rest.len() >= length),
        None => (rest, false),
    }
}

pub(super) fn half(bytes: &[u8], at: usize) -> Result<u16, CaptureError> {
    let bytes = bytes.get(at..at + 2).ok_or(CaptureError::Truncated)?;
    Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
}

pub(super) fn word(bytes: &[u8], at: usize) -> Result<u32, CaptureError> {
    Ok(u32::from(half(bytes, at)?) << 16 | u32::from(half(bytes, at + 2)?))
}
