use bytes::BufMut;
use nom::{Parser, combinator::rest};

use crate::wire::{Parsed, ne_u16, ne_u64};

/// Which end: one extension type each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The source.
    Src,
    /// The destination.
    Dst,
}

/// `sadb_ident`: the identity of an address (RFC 2367 section 2.3.5). Linux ignores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `SADB_IDENTTYPE_*`: prefix, FQDN, user@FQDN.
    pub ident_type: u16,
    /// A number, as the user's.
    pub id: u64,
    /// The name, without the NULs that end and pad it.
    pub name: Vec<u8>,
}

impl Identity {
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        (ne_u16, ne_u16, ne_u64, rest)
            .map(|(ident_type, _, id, name)| Self { ident_type, id, name: without_nuls(name) })
            .parse(body)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.put_u16_ne(self.ident_type);
        out.put_u16_ne(0);
        out.put_u64_ne(self.id);
        if !self.name.is_empty() {
            out.put_slice(&self.name);
            out.put_u8(0);
        }
    }
}

fn without_nuls(name: &[u8]) -> Vec<u8> {
    let len = name.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    name[..len].to_vec()
}
