use bytes::BufMut;
use nom::{Parser, bytes::complete::take, number::complete::u8};

use crate::wire::{Parsed, ne_u16, ne_u32};

/// `sadb_spirange`: the SPIs that GETSPI may choose from, host order, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpiRange {
    /// The smallest.
    pub min: u32,
    /// The largest.
    pub max: u32,
}

impl SpiRange {
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        (ne_u32, ne_u32, ne_u32).map(|(min, max, _)| Self { min, max }).parse(body)
    }

    pub(super) fn emit(self, out: &mut Vec<u8>) {
        out.put_u32_ne(self.min);
        out.put_u32_ne(self.max);
        out.put_u32_ne(0);
    }
}

/// `sadb_x_filter`: the addresses of the SAs that a DUMP asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// Source address, network order; IPv4 in the first four bytes.
    pub src: [u8; 16],
    /// Destination address.
    pub dst: [u8; 16],
    /// `AF_INET` or `AF_INET6`.
    pub family: u16,
    /// Bits of the source that count.
    pub src_prefix_len: u8,
    /// Bits of the destination that count.
    pub dst_prefix_len: u8,
}

impl Filter {
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        let (rest, (src, dst)) = (address, address).parse(body)?;
        (ne_u16, u8, u8)
            .map(|(family, src_prefix_len, dst_prefix_len)| Self {
                src,
                dst,
                family,
                src_prefix_len,
                dst_prefix_len,
            })
            .parse(rest)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.put_slice(&self.src);
        out.put_slice(&self.dst);
        out.put_u16_ne(self.family);
        out.put_slice(&[self.src_prefix_len, self.dst_prefix_len]);
    }
}

fn address(input: &[u8]) -> Parsed<'_, [u8; 16]> {
    take(16_usize).map_opt(|bytes: &[u8]| bytes.try_into().ok()).parse(input)
}
