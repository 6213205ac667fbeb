//! What the integrity check value of captured AH is for (`ah_input`, net/ipv4/ah4.c; `ah6_input`, net/ipv6/ah6.c; RFC 4302,
//! section 3.3.3).

use std::{net::IpAddr, ops::Range};

use super::ip::Ip;

/// A packet with AH, without what changes on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// The place of the AH header in [`super::Captured::arrivals`].
    pub place: usize,
    /// The IP header, whose fields that change are 0, the AH header and what follows it.
    bytes: Vec<u8>,
    /// Where the AH header begins.
    start: usize,
    is_v4: bool,
}

impl Authenticated {
    /// Bytes of an AH header before the integrity check value.
    pub const HEADER: usize = 12;

    /// None: the packet is not whole, AH does not follow an IP header, or that has options or extensions, which are not
    /// followed.
    pub(super) fn of(ip: &Ip<'_>, place: usize) -> Option<Self> {
        let (is_v4, start) = (ip.src.is_ipv4(), ip.header.len());
        let is_plain = start == if is_v4 { 20 } else { 40 };
        if !is_plain || !ip.is_whole {
            return None;
        }
        let mut bytes = [ip.header, ip.payload].concat();
        let zeroed: &[Range<usize>] = if is_v4 {
            // TOS; flags and offset, TTL; checksum.
            &[1..2, 6..9, 10..12]
        } else {
            // Traffic class and flow label; hop limit.
            &[1..4, 7..8]
        };
        for range in zeroed {
            bytes[range.clone()].fill(0);
        }
        if !is_v4 {
            bytes[0] &= 0xf0;
        }
        Some(Self { place, bytes, start, is_v4 })
    }

    /// The sequence number.
    #[must_use]
    pub fn sequence(&self) -> Option<u32> {
        let bytes = self.bytes.get(self.start + 8..self.start + Self::HEADER)?;
        bytes.try_into().ok().map(u32::from_be_bytes)
    }

    /// Bytes of the AH header, by its own length.
    #[must_use]
    pub fn header_length(&self) -> usize {
        self.bytes.get(self.start + 1).map_or(0, |words| (usize::from(*words) + 2) * 4)
    }

    /// The bytes that are authenticated, with this source, and the integrity check value of so many bytes.
    #[must_use]
    pub fn parted(&self, icv: usize, src: Option<IpAddr>) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut bytes = self.bytes.clone();
        let range = self.start + Self::HEADER..self.start + Self::HEADER + icv;
        let code = bytes.get(range.clone())?.to_vec();
        bytes[range].fill(0);
        match src {
            Some(IpAddr::V4(src)) if self.is_v4 => bytes[12..16].copy_from_slice(&src.octets()),
            Some(IpAddr::V6(src)) if !self.is_v4 => bytes[8..24].copy_from_slice(&src.octets()),
            Some(_) => return None,
            None => {}
        }
        Some((bytes, code))
    }
}
