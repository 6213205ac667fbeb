use bytes::BufMut;
use nom::{Parser, multi::count, number::complete::u8};

use crate::{
    Error,
    wire::{Parsed, ne_u32, ne_u64},
};

/// `sadb_sens`: a label of a multi-level system (RFC 2367 section 2.3.6). Linux ignores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensitivity {
    /// Protection domain.
    pub domain: u32,
    /// Sensitivity level.
    pub level: u8,
    /// Integrity level.
    pub integrity_level: u8,
    /// Sensitivity compartments, 64 a word.
    pub bitmap: Vec<u64>,
    /// Integrity compartments, 64 a word.
    pub integrity_bitmap: Vec<u64>,
}

impl Sensitivity {
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        let (rest, (domain, level, words, integrity_level, integrity_words, _)) =
            (ne_u32, u8, u8, u8, u8, ne_u32).parse(body)?;
        (count(ne_u64, words.into()), count(ne_u64, integrity_words.into()))
            .map(|(bitmap, integrity_bitmap)| Self {
                domain,
                level,
                integrity_level,
                bitmap,
                integrity_bitmap,
            })
            .parse(rest)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let words = |bitmap: &[u64]| {
            u8::try_from(bitmap.len()).map_err(|_| Error::TooLong("the sensitivity label"))
        };
        out.put_u32_ne(self.domain);
        out.put_slice(&[self.level, words(&self.bitmap)?]);
        out.put_slice(&[self.integrity_level, words(&self.integrity_bitmap)?]);
        out.put_u32_ne(0);
        for &word in self.bitmap.iter().chain(&self.integrity_bitmap) {
            out.put_u64_ne(word);
        }
        Ok(())
    }
}
