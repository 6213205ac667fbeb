//! The model in linux/xfrm.h's structures and attributes, and back. Numbers that the wire holds in
//! network order are swapped by netlink-packet-xfrm; here everything is in host order.

pub(crate) mod acquire;
mod address;
mod algorithm;
pub(crate) mod catch_all;
mod encap;
pub(crate) mod event;
pub(crate) mod image;
pub(crate) mod info;
mod iptfs;
mod lifetime;
mod mark;
pub(crate) mod migration;
mod number;
mod offload;
pub(crate) mod policy;
pub(crate) mod probe;
mod recent;
pub(crate) mod relocation;
mod replay;
pub(crate) mod sa;
mod sec_ctx;
mod selector;
pub(crate) mod socket_policy;
mod template;
#[cfg(test)]
pub(crate) mod testing;

use model::{Attribute, Key};
use netlink_packet_core::{DecodeError, DefaultNla, Nla, NlasIterator, Parseable};
use netlink_packet_xfrm::XfrmAttrs;

pub(crate) use address::AddressFamily;
pub(crate) use algorithm::wipe;

/// The attributes of an object after its fixed structure of `size` bytes.
fn attributes(
    object: &[u8],
    size: usize,
) -> impl Iterator<Item = Result<XfrmAttrs, DecodeError>> + '_ {
    NlasIterator::new(object.get(size..).unwrap_or_default())
        .map(|attribute| XfrmAttrs::parse(&attribute?))
}

/// An attribute as it is on the wire.
fn raw(attribute: &XfrmAttrs) -> Attribute {
    let mut value = vec![0; attribute.value_len()];
    attribute.emit_value(&mut value);
    Attribute { number: attribute.kind(), value: Key::new(value) }
}

/// An attribute that has no field.
fn unknown(attribute: &Attribute) -> XfrmAttrs {
    XfrmAttrs::Other(DefaultNla::new(attribute.number, cut(attribute.value.bytes())))
}

/// Reads the attribute of an object that holds another object.
fn nested<T>(
    object: &[u8],
    size: usize,
    kind: u16,
    read: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    for attribute in NlasIterator::new(object.get(size..).unwrap_or_default()) {
        let attribute = attribute?;
        if attribute.kind() == kind {
            return read(attribute.value());
        }
    }
    Err(DecodeError::from(format!("attribute {kind} is missing")))
}

/// As many of `bytes` as surely fit an attribute, whose length has 16 bits. What is cut no longer
/// agrees with the length stated beside it, and the kernel answers EINVAL (`verify_one_alg`,
/// `verify_sec_ctx_len`).
fn cut(bytes: &[u8]) -> Vec<u8> {
    const MOST: usize = 0xf000;
    bytes[..bytes.len().min(MOST)].to_vec()
}
