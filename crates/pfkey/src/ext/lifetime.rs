use bytes::BufMut;
use nom::Parser;

use crate::wire::{Parsed, ne_u32, ne_u64};

/// Which of an SA's or policy's lifetimes: one extension type each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifetimeKind {
    /// What was seen so far; `add_time` and `use_time` are Unix seconds.
    Current,
    /// The limit that ends it.
    Hard,
    /// The limit that asks for a new one.
    Soft,
}

/// `sadb_lifetime`. In a limit 0 means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifetime {
    /// Packets on Linux, connections in RFC 2367.
    pub allocations: u32,
    /// Bytes.
    pub bytes: u64,
    /// Seconds from when it was added.
    pub add_time: u64,
    /// Seconds from its first use.
    pub use_time: u64,
}

impl Lifetime {
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        (ne_u32, ne_u64, ne_u64, ne_u64)
            .map(|(allocations, bytes, add_time, use_time)| Self {
                allocations,
                bytes,
                add_time,
                use_time,
            })
            .parse(body)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.put_u32_ne(self.allocations);
        out.put_u64_ne(self.bytes);
        out.put_u64_ne(self.add_time);
        out.put_u64_ne(self.use_time);
    }
}
