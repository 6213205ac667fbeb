//! The rules that set DF, as the kernel's expressions. They are those of nft(8):
//!
//! ```text
//! ip frag-off & 0x3fff == 0 ip saddr . ip daddr . ip protocol @tunnels ip frag-off set 0x4000
//! ```

use netlink_packet_netfilter::nftables::{
    Bitwise, ChecksumType, Cmp, DataAttribute, Expressions, Immediate, Lookup, Operator, Payload,
    Register,
};

/// The parts of a packet that offsets count from (linux/netfilter/nf_tables.h).
#[derive(Clone, Copy)]
pub enum Base {
    Network = 1,
    Transport = 2,
}

/// Bytes of a packet.
#[derive(Clone, Copy)]
pub struct PacketField {
    base: Base,
    /// Counted in bytes.
    offset: u32,
    length: u32,
}

pub const FRAG_OFF: PacketField = network(6, 2);
pub const PROTOCOL: PacketField = network(9, 1);
pub const SOURCE: PacketField = network(12, 4);
pub const DESTINATION: PacketField = network(16, 4);
pub const SOURCE_PORT: PacketField = transport(0, 2);
pub const DESTINATION_PORT: PacketField = transport(2, 2);
pub const PORTS: PacketField = transport(0, 4);
/// The SPI of ESP in UDP. IKE, which has the same ports, has zeros there (RFC 3948, section 2.2).
pub const SPI_IN_UDP: PacketField = transport(8, 4);
/// Behind it ESP follows if it is zero (`UDP_ENCAP_ESPINUDP_NON_IKE`, linux/udp.h).
pub const NON_IKE_MARKER: PacketField = transport(8, 8);

/// The bits of `frag_off` (netinet/ip.h): don't fragment; more fragments and the fragment offset.
const DF: u16 = 0x4000;
const IS_FRAGMENT: u16 = 0x3fff;

/// The offset of the checksum in the IPv4 header, in bytes.
const CHECKSUM: u32 = 10;

const fn network(offset: u32, length: u32) -> PacketField {
    PacketField { base: Base::Network, offset, length }
}

const fn transport(offset: u32, length: u32) -> PacketField {
    PacketField { base: Base::Transport, offset, length }
}

/// The registers in a row that a key is loaded into: the first is that of other values, too.
const REGISTERS: [Register; 4] =
    [Register::Reg1, Register::Reg32_01, Register::Reg32_02, Register::Reg32_03];

/// Goes on with a packet whose field is equal to these bytes, or is not.
pub fn compare(field: PacketField, operator: Operator, bytes: &[u8]) -> Vec<Expressions> {
    vec![load(field, Register::Reg1), cmp(operator, bytes)]
}

/// Goes on with a packet whose fields, one after the other, are an element of a set. No field is longer
/// than four bytes.
pub fn look_up(set: &str, fields: &[PacketField]) -> Vec<Expressions> {
    let mut expressions: Vec<_> =
        fields.iter().zip(REGISTERS).map(|(field, register)| load(*field, register)).collect();
    expressions.push(Expressions::Lookup(vec![
        Lookup::Set(set.to_owned()),
        Lookup::SourceRegister(Register::Reg1),
    ]));
    expressions
}

/// Goes on with a packet that is no fragment. Of the field in other packets nothing but DF is used.
pub fn is_whole() -> Vec<Expressions> {
    mask_frag_off(IS_FRAGMENT, Operator::Equal)
}

/// Goes on with a packet that has DF.
pub fn has_df() -> Vec<Expressions> {
    mask_frag_off(DF, Operator::NotEqual)
}

/// Sets DF in a packet that is no fragment.
pub fn set_df() -> Vec<Expressions> {
    vec![
        Expressions::Immediate(vec![
            Immediate::DestinationRegister(Register::Reg1),
            Immediate::Data(data(&DF.to_be_bytes())),
        ]),
        Expressions::Payload(vec![
            Payload::SourceRegister(Register::Reg1),
            Payload::Base(FRAG_OFF.base as u32),
            Payload::Offset(FRAG_OFF.offset),
            Payload::Len(FRAG_OFF.length),
            Payload::CsumType(ChecksumType::Inet),
            Payload::CsumOffset(CHECKSUM),
        ]),
    ]
}

/// Compares bits of `frag_off` with zero.
fn mask_frag_off(mask: u16, operator: Operator) -> Vec<Expressions> {
    let mask = mask.to_be_bytes();
    vec![
        load(FRAG_OFF, Register::Reg1),
        Expressions::Bitwise(vec![
            Bitwise::SourceRegister(Register::Reg1),
            Bitwise::DestinationRegister(Register::Reg1),
            Bitwise::Length(FRAG_OFF.length),
            Bitwise::Mask(data(&mask)),
            Bitwise::Xor(data(&[0; 2])),
        ]),
        cmp(operator, &[0; 2]),
    ]
}

fn load(field: PacketField, register: Register) -> Expressions {
    Expressions::Payload(vec![
        Payload::DestinationRegister(register),
        Payload::Base(field.base as u32),
        Payload::Offset(field.offset),
        Payload::Len(field.length),
    ])
}

fn cmp(operator: Operator, bytes: &[u8]) -> Expressions {
    Expressions::Cmp(vec![
        Cmp::SourceRegister(Register::Reg1),
        Cmp::Op(operator),
        Cmp::Data(data(bytes)),
    ])
}

fn data(bytes: &[u8]) -> DataAttribute {
    DataAttribute::Value(bytes.to_vec())
}
