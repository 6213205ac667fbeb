use bytes::BufMut;
use nom::{Parser, bytes::complete::take, multi::many0, number::complete::u8};

use super::Lifetime;
use crate::wire::{Parsed, ne_u16, ne_u32, ne_u64};

/// `sadb_prop`: what an ACQUIRE asks the key management to agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Replay window, packets.
    pub replay: u8,
    /// Each of them would do.
    pub combs: Vec<Comb>,
}

impl Proposal {
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        (u8, take(3_usize), many0(Comb::parse))
            .map(|(replay, _, combs)| Self { replay, combs })
            .parse(body)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.put_slice(&[self.replay, 0, 0, 0]);
        for comb in &self.combs {
            comb.emit(out);
        }
    }
}

/// `sadb_comb`: algorithms by number with the key lengths they take, in bits, and limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Comb {
    /// `SADB_AALG_*`.
    pub auth: u8,
    /// `SADB_EALG_*`; 0: none.
    pub encrypt: u8,
    /// `SADB_SAFLAGS_*`.
    pub flags: u16,
    /// The shortest authentication key, bits.
    pub auth_min_bits: u16,
    /// The longest.
    pub auth_max_bits: u16,
    /// The shortest encryption key, bits.
    pub encrypt_min_bits: u16,
    /// The longest.
    pub encrypt_max_bits: u16,
    /// The limit that asks for a new SA.
    pub soft: Lifetime,
    /// The limit that ends the SA.
    pub hard: Lifetime,
}

impl Comb {
    /// Its bytes in a message (`sizeof(struct sadb_comb)`).
    pub(crate) const LENGTH: usize = 72;

    fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (rest, (auth, encrypt, flags)) = (u8, u8, ne_u16).parse(input)?;
        let (rest, (auth_min_bits, auth_max_bits, encrypt_min_bits, encrypt_max_bits, _)) =
            (ne_u16, ne_u16, ne_u16, ne_u16, ne_u32).parse(rest)?;
        let (rest, (soft, hard)) = Self::limits(rest)?;
        let comb = Self {
            auth,
            encrypt,
            flags,
            auth_min_bits,
            auth_max_bits,
            encrypt_min_bits,
            encrypt_max_bits,
            soft,
            hard,
        };
        Ok((rest, comb))
    }

    /// Soft and hard limits, field by field in turn.
    fn limits(input: &[u8]) -> Parsed<'_, (Lifetime, Lifetime)> {
        let pair = |input| (ne_u64, ne_u64).parse(input);
        ((ne_u32, ne_u32), pair, pair, pair)
            .map(|(allocations, bytes, add_time, use_time)| {
                let soft = Lifetime {
                    allocations: allocations.0,
                    bytes: bytes.0,
                    add_time: add_time.0,
                    use_time: use_time.0,
                };
                let hard = Lifetime {
                    allocations: allocations.1,
                    bytes: bytes.1,
                    add_time: add_time.1,
                    use_time: use_time.1,
                };
                (soft, hard)
            })
            .parse(input)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.put_slice(&[self.auth, self.encrypt]);
        for number in [
            self.flags,
            self.auth_min_bits,
            self.auth_max_bits,
            self.encrypt_min_bits,
            self.encrypt_max_bits,
        ] {
            out.put_u16_ne(number);
        }
        out.put_u32_ne(0);
        out.put_u32_ne(self.soft.allocations);
        out.put_u32_ne(self.hard.allocations);
        for number in [
            self.soft.bytes,
            self.hard.bytes,
            self.soft.add_time,
            self.hard.add_time,
            self.soft.use_time,
            self.hard.use_time,
        ] {
            out.put_u64_ne(number);
        }
    }
}
