use bytes::BufMut;
use nom::{Parser, multi::many0, number::complete::u8};

use crate::wire::{Parsed, ne_u16, ne_u32};

/// `sadb_alg`: an algorithm that a REGISTER reply offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm {
    /// `SADB_AALG_*` or `SADB_EALG_*`.
    pub id: u8,
    /// Initialization vector, bytes.
    pub iv_len: u8,
    /// The shortest key, bits.
    pub min_bits: u16,
    /// The longest.
    pub max_bits: u16,
}

/// Reads `sadb_supported`.
pub(super) fn parse(body: &[u8]) -> Parsed<'_, Vec<Algorithm>> {
    let algorithm = |input| {
        (u8, u8, ne_u16, ne_u16, ne_u16)
            .map(|(id, iv_len, min_bits, max_bits, _)| Algorithm { id, iv_len, min_bits, max_bits })
            .parse(input)
    };
    (ne_u32, many0(algorithm)).map(|(_, algorithms)| algorithms).parse(body)
}

pub(super) fn emit(algorithms: &[Algorithm], out: &mut Vec<u8>) {
    out.put_u32_ne(0);
    for algorithm in algorithms {
        out.put_slice(&[algorithm.id, algorithm.iv_len]);
        out.put_u16_ne(algorithm.min_bits);
        out.put_u16_ne(algorithm.max_bits);
        out.put_u16_ne(0);
    }
}
