//! A packet as it was captured: what its headers have before anything is decrypted.

mod ah;
mod ip;
mod whole;

use std::net::IpAddr;

use model::{EncapKind, NAT_T_PORT, Proto, Spi, Upper};
use zeroize::Zeroizing;

use crate::{Arrival, Contained, Flow, Oddity, input::MOST_HEADERS};
pub use ah::Authenticated;
use ip::{Ip, half, word};
pub use whole::Whole;

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
    /// The last header, if it is ESP, and all that follows it.
    pub esp: Option<Zeroizing<Vec<u8>>>,
    /// What the integrity check values of AH are for, as far as it was not encrypted.
    pub ah: Vec<Authenticated>,
    /// The bit DF of the packet of `flow`; none: it is IPv6, or encrypted.
    pub dont_fragment: Option<bool>,
    /// The bytes of the packet of `flow`, with its IP header; none: it is encrypted, or was sent without a header of its own.
    pub inner_length: Option<usize>,
    /// Whether the packet of `flow` is a fragment: if it is forwarded, its ports count as 0 (`decode_session4`).
    pub is_fragment: bool,
    /// Why it is not looked up as it is, if so.
    pub oddity: Option<Oddity>,
    /// The whole packet, as a host looks it up that forwards it.
    pub whole: Option<Whole>,
    /// The last IP header, around what was encrypted.
    around: Ip<'static>,
    /// Whether something was decrypted.
    is_decrypted: bool,
}

/// What the host that receives a packet does with it.
#[derive(Clone, Copy)]
pub struct ReceivingHost<'a> {
    /// Whether UDP to an address, from a port and to a port, may have ESP in it.
    pub is_encapsulation: &'a dyn Fn(IpAddr, u16, u16) -> bool,
    /// Whether a packet that comes out of a tunnel is for the host itself, by its destination.
    pub takes: &'a dyn Fn(IpAddr) -> bool,
}

impl Default for ReceivingHost<'_> {
    fn default() -> Self {
        Self {
            is_encapsulation: &|_, src, dst| [src, dst].contains(&NAT_T_PORT.get()),
            takes: &|_| true,
        }
    }
}

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

type IsEncapsulation<'a> = &'a dyn Fn(IpAddr, u16, u16) -> bool;

const UDP: u8 = Upper::UDP.xfrm();
/// Bytes that the kernel reads of a header before it looks up an SA.
const ESP_HEADER: usize = 8;
const IPCOMP_HEADER: usize = 4;

impl Captured {
    /// Reads the first packet of a pcap file, or an IP packet as it is.
    ///
    /// Errors: [`CaptureError`].
    pub fn read(bytes: &[u8]) -> Result<Self, CaptureError> {
        Self::read_by(bytes, ReceivingHost::default())
    }

    /// As [`Captured::read`], by a host with other ports of ESP in UDP, or that forwards what comes out of tunnels.
    ///
    /// Errors: [`CaptureError`].
    pub fn read_by(bytes: &[u8], host: ReceivingHost<'_>) -> Result<Self, CaptureError> {
        match bytes {
            [0x0a, 0x0d, 0x0d, 0x0a, ..] => Err(CaptureError::PcapNg),
            [0xd4, 0xc3, 0xb2, 0xa1, ..] | [0x4d, 0x3c, 0xb2, 0xa1, ..] => {
                pcap(bytes, u32::from_le_bytes, host)
            }
            [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0xa1, 0xb2, 0x3c, 0x4d, ..] => {
                pcap(bytes, u32::from_be_bytes, host)
            }
            _ => Self::of_packet_by(bytes, host),
        }
    }

    /// Reads an IP packet.
    ///
    /// Errors: [`CaptureError::Truncated`], [`CaptureError::NotIp`].
    pub fn of_packet(bytes: &[u8]) -> Result<Self, CaptureError> {
        Self::of_packet_by(bytes, ReceivingHost::default())
    }

    fn of_packet_by(bytes: &[u8], host: ReceivingHost<'_>) -> Result<Self, CaptureError> {
        let ip = Ip::read(bytes)?;
        let mut captured = Self {
            arrivals: Vec::new(),
            flow: None,
            ends: (ip.src, ip.dst),
            length: bytes.len(),
            udp: None,
            hops: None,
            esp: None,
            ah: Vec::new(),
            dont_fragment: None,
            inner_length: None,
            is_fragment: false,
            oddity: ip.fragment,
            whole: Whole::of(&ip, bytes.len()),
            around: ip.bare(),
            is_decrypted: false,
        };
        captured.follow(ip, host)?;
        Ok(captured)
    }

    /// Reads on in what the last header was decrypted to, of this protocol: an IP packet, or what follows the IP header.
    ///
    /// Errors: as [`Captured::of_packet`]; what was read before stays.
    pub fn read_on(
        &mut self,
        protocol: u8,
        decrypted: &[u8],
        is_tunnel: bool,
        host: ReceivingHost<'_>,
    ) -> Result<(), CaptureError> {
        self.is_decrypted = true;
        let ip =
            if is_tunnel { Ip::read(decrypted)? } else { self.around.with(protocol, decrypted)? };
        self.follow(ip, host)
    }

    fn follow(&mut self, mut ip: Ip<'_>, host: ReceivingHost<'_>) -> Result<(), CaptureError> {
        while let Some(inside) = self.read_header(ip, host)? {
            ip = inside;
        }
        Ok(())
    }

    /// Reads a header of AH, ESP or IPComp, and returns what it has inside; none: nothing follows that can be read.
    fn read_header<'i>(
        &mut self,
        ip: Ip<'i>,
        host: ReceivingHost<'_>,
    ) -> Result<Option<Ip<'i>>, CaptureError> {
        let is_for_here = ip.dst == self.around.dst || (host.takes)(ip.dst);
        self.around = ip.bare();
        let is_first = self.arrivals.is_empty();
        if is_first && self.oddity.is_none() {
            self.oddity = odd(&ip, host.is_encapsulation);
        }
        let (step, encapsulation) = match ip.protocol {
            _ if !is_for_here || ip.is_later_fragment() || self.is_short() => (None, None),
            UDP => {
                let inside = natt(&ip, host.is_encapsulation);
                (inside.map(|inside| (Proto::Esp, inside)), Some(EncapKind::EspInUdp))
            }
            protocol => (Proto::from_number(protocol).map(|proto| (proto, ip.payload)), None),
        };
        let arrival = |spi, proto, sequence, inside: Option<u8>| Arrival {
            spi: Spi(spi),
            proto: Some(proto),
            dst: Some(ip.dst),
            sequence,
            // The kernel compares it of the outermost header.
            encapsulation: Some(encapsulation.filter(|_| is_first)),
            integrity: None,
            inside: inside.map(Contained::Packet),
        };
        match step {
            Some((proto @ Proto::Esp, payload)) => {
                let [spi, sequence] = [word(payload, 0)?, word(payload, 4)?];
                self.udp =
                    self.udp.or_else(|| ip.flow().filter(|_| is_first && encapsulation.is_some()));
                self.arrivals.push(arrival(spi, proto, Some(sequence), None));
                self.esp = ip.is_whole.then(|| Zeroizing::new(payload.to_vec()));
                Ok(None)
            }
            Some((proto @ Proto::IpComp, payload)) => {
                let (cpi, next) = (half(payload, 2)?, payload[0]);
                self.arrivals.push(arrival(cpi.into(), proto, None, Some(next)));
                Ok(None)
            }
            Some((proto @ Proto::Ah, payload)) => {
                let [spi, sequence] = [word(payload, 4)?, word(payload, 8)?];
                let (next, words) = (payload[0], usize::from(payload[1]));
                // No copy is made of what was decrypted.
                if !self.is_decrypted {
                    self.ah.extend(Authenticated::of(&ip, self.arrivals.len()));
                }
                self.arrivals.push(arrival(spi, proto, Some(sequence), Some(next)));
                if self.arrivals.len() > MOST_HEADERS {
                    return Ok(None);
                }
                let rest = payload.get((words + 2) * 4..).ok_or(CaptureError::Truncated)?;
                Ok(Some(match next {
                    // IPv4 and IPv6 inside: a tunnel.
                    4 | 41 => Ip::read(rest)?,
                    _ => ip.with(next, rest)?,
                }))
            }
            _ => {
                self.end_with(&ip);
                Ok(None)
            }
        }
    }

    /// The packet that is inside of all headers.
    fn end_with(&mut self, ip: &Ip<'_>) {
        self.flow = ip.flow();
        self.is_fragment = ip.fragment.is_some();
        let has_header = !ip.header.is_empty();
        self.inner_length = has_header.then(|| ip.header.len() + ip.payload.len());
        self.dont_fragment = ip.dont_fragment;
        self.hops = Some(ip.hops);
    }
}

impl Captured {
    /// Whether no SA is looked up for it.
    fn is_short(&self) -> bool {
        matches!(self.oddity, Some(Oddity::ShortHeader | Oddity::ShortInUdp))
    }
}

/// ESP in UDP: longer than a header, and without the marker of IKE.
fn natt<'a>(ip: &Ip<'a>, is_encapsulation: IsEncapsulation<'_>) -> Option<&'a [u8]> {
    let inside = in_udp(ip, is_encapsulation)?;
    let is_long = inside.len() > ESP_HEADER || !ip.is_whole;
    (is_long && word(inside, 0).ok()? != 0).then_some(inside)
}

/// What is in UDP to a port of ESP in UDP, by the length that UDP has (`__udp4_lib_rcv` drops the rest).
fn in_udp<'a>(ip: &Ip<'a>, is_encapsulation: IsEncapsulation<'_>) -> Option<&'a [u8]> {
    let udp = ip.payload;
    let field = |at| half(udp, at).ok();
    let is_meant = is_encapsulation(ip.dst, field(0)?, field(2)?);
    let length = usize::from(field(4)?);
    let inside = udp.get(8..length).or_else(|| udp.get(8..));
    inside.filter(|_| is_meant)
}

/// What a packet that is no fragment is, if it is not looked up as it is.
fn odd(ip: &Ip<'_>, is_encapsulation: IsEncapsulation<'_>) -> Option<Oddity> {
    if ip.protocol == UDP {
        let inside = in_udp(ip, is_encapsulation)?;
        let is_short = ip.is_whole && inside.len() < ip.fixed();
        return match natt(ip, is_encapsulation) {
            Some(_) => is_short.then_some(Oddity::ShortInUdp),
            None => (inside == [0xff]).then_some(Oddity::Keepalive),
        };
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

/// The first packet of a pcap file (pcap-savefile(5)).
fn pcap(
    bytes: &[u8],
    number: fn([u8; 4]) -> u32,
    host: ReceivingHost<'_>,
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
    Captured::of_packet_by(frame.get(header..).ok_or(CaptureError::Truncated)?, host)
}

#[cfg(test)]
mod tests;
