use bytes::BufMut;
use model::Key;
use nom::{Parser, bytes::complete::take};

use crate::{
    Error,
    wire::{Parsed, ne_u16},
};

/// What a key or an algorithm is for: one extension type each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Authentication.
    Auth,
    /// Encryption.
    Encrypt,
}

/// Reads `sadb_key`. A length that is no multiple of 8 bits counts as whole bytes.
pub(super) fn parse(body: &[u8]) -> Parsed<'_, Key> {
    let (rest, (bits, _)) = (ne_u16, ne_u16).parse(body)?;
    take(bits.div_ceil(8)).map(|bytes: &[u8]| Key::new(bytes.to_vec())).parse(rest)
}

pub(super) fn emit(key: &Key, out: &mut Vec<u8>) -> Result<(), Error> {
    out.put_u16_ne(u16::try_from(key.bits()).map_err(|_| Error::TooLong("the key"))?);
    out.put_u16_ne(0);
    out.put_slice(key.bytes());
    Ok(())
}
