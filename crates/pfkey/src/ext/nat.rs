use bytes::BufMut;
use nom::{
    Parser,
    number::complete::{be_u16, u8},
};

use crate::wire::Parsed;

/// Reads `sadb_x_nat_t_type`: `UDP_ENCAP_*` (linux/udp.h).
pub(super) fn parse_type(body: &[u8]) -> Parsed<'_, u8> {
    u8.parse(body)
}

pub(super) fn emit_type(encap_type: u8, out: &mut Vec<u8>) {
    out.put_slice(&[encap_type, 0, 0, 0]);
}

/// Reads `sadb_x_nat_t_port`: the only port of PF_KEY outside a `sockaddr`, in network order as
/// those are.
pub(super) fn parse_port(body: &[u8]) -> Parsed<'_, u16> {
    be_u16.parse(body)
}

pub(super) fn emit_port(port: u16, out: &mut Vec<u8>) {
    out.put_u16(port);
    out.put_u16_ne(0);
}
