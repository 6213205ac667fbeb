use std::net::SocketAddr;

use bytes::BufMut;
use nom::{
    Parser,
    combinator::{fail, verify},
    number::complete::u8,
};

use crate::wire::{Parsed, UNIT, ne_u16, ne_u32, put_sockaddr, sockaddr, sockaddr_pair};

/// Whose address: one extension type each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// The source.
    Src,
    /// The destination.
    Dst,
    /// The source that an SA's own selector names (`sadb_address_proxy`).
    Proxy,
    /// The original address behind a NAT (`SADB_X_EXT_NAT_T_OA`).
    NatOriginal,
}

/// `sadb_address` with its `sockaddr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Upper-layer protocol; 255 (`IPSEC_ULPROTO_ANY`) and, in SAs, 0 mean any.
    pub proto: u8,
    /// Bits of the address that count.
    pub prefix_len: u8,
    /// The address, with the upper-layer port (0: any).
    pub sockaddr: SocketAddr,
}

impl Address {
    /// Refuses what `verify_address_len` (net/key/af_key.c) refuses: other families, prefixes
    /// longer than the address, units behind it.
    pub(super) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        let address = (u8, u8, ne_u16, sockaddr).map(|(proto, prefix_len, _, sockaddr)| Self {
            proto,
            prefix_len,
            sockaddr,
        });
        let (rest, address) = verify(address, |address: &Self| {
            address.prefix_len <= if address.sockaddr.is_ipv4() { 32 } else { 128 }
        })
        .parse(body)?;
        if rest.len() < UNIT { Ok((rest, address)) } else { fail().parse(rest) }
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.put_slice(&[self.proto, self.prefix_len]);
        out.put_u16_ne(0);
        put_sockaddr(out, &self.sockaddr);
    }
}

/// `sadb_x_kmaddress`: between which addresses the key management speaks after a MIGRATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KmAddress {
    /// Reserved.
    pub reserved: u32,
    /// This host.
    pub local: SocketAddr,
    /// The peer.
    pub remote: SocketAddr,
}

impl KmAddress {
    pub(crate) fn parse(body: &[u8]) -> Parsed<'_, Self> {
        (ne_u32, sockaddr_pair)
            .map(|(reserved, (local, remote))| Self { reserved, local, remote })
            .parse(body)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.put_u32_ne(self.reserved);
        put_sockaddr(out, &self.local);
        put_sockaddr(out, &self.remote);
    }
}
