//! A packet as it was captured: what its headers have before anything is decrypted.

mod ah;
mod headers;
mod ip;
mod odd;
mod pcap;
mod whole;

use std::net::IpAddr;

use model::NAT_T_PORT;
use zeroize::Zeroizing;

use crate::{Arrival, Flow, OddInside, Oddity};
pub use ah::Authenticated;
use ip::Ip;
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
    /// The length of the packet, bytes, with the IP header, by that header: fewer may have been captured, or padding of
    /// the link with them.
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
    /// The bytes of the packet of `flow`, with its IP header, by that header; none: it is encrypted, or was sent without
    /// a header of its own.
    pub inner_length: Option<usize>,
    /// Whether the packet of `flow` is a fragment, or of IPv6 has a fragment header: if it is forwarded, its ports count as 0
    /// (`decode_session4`, `decode_session6`).
    pub is_fragment: bool,
    /// Why it is not looked up as it is, if so.
    pub oddity: Option<Oddity>,
    /// What is inside of some of its headers, and not looked up as it is.
    pub inside: Option<OddInside>,
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
                Self::of_packet_by(pcap::first_packet(bytes, u32::from_le_bytes)?, host)
            }
            [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0xa1, 0xb2, 0x3c, 0x4d, ..] => {
                Self::of_packet_by(pcap::first_packet(bytes, u32::from_be_bytes)?, host)
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
            length: ip.length(),
            udp: None,
            hops: None,
            esp: None,
            ah: Vec::new(),
            dont_fragment: None,
            inner_length: None,
            is_fragment: false,
            oddity: None,
            inside: None,
            whole: Whole::of(&ip),
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
        if !is_tunnel {
            return self.follow(self.around.with(protocol, decrypted)?, host);
        }
        match Ip::inside(protocol, decrypted) {
            Ok(ip) => self.follow(ip, host),
            Err(oddity) => {
                self.set_inside(oddity, protocol);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
