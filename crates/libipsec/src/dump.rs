//! SAs and policies as `setkey -D` and `-DP` print them, from their messages.

use std::net::SocketAddr;

use dns_lookup::getnameinfo;
use pfkey::{
    Extension, Message,
    dump::{PolicyText, SaText},
    ext::{AddressKind, Policy},
};

use crate::{
    align::align,
    check::{Address, MessageHeader, check},
    describe::describe,
    error::Code,
};

/// Reads the message of an SA or policy.
pub(crate) fn read(bytes: &[u8]) -> Result<Message, Code> {
    align(bytes)?;
    let header = MessageHeader::of(bytes);
    check(header, None)?;
    let message = Message::decode(bytes).map_err(|_| Code::InvalidMessage)?;
    let end = |kind| {
        message.address(kind).map(|address| Address {
            proto: address.proto,
            family: if address.sockaddr.is_ipv4() { 2 } else { 10 },
        })
    };
    check(header, end(AddressKind::Src).zip(end(AddressKind::Dst)))?;
    Ok(message)
}

/// An SA as `pfkey_sadump` of ipsec-tools 0.8.2 prints it.
pub(crate) fn sa(message: &Message, ports: bool) -> String {
    let text = SaText::of_message(message, ports, sys::clock::unix_seconds(), host);
    text.map_or_else(|missing| missing, |text| text.to_string())
}

/// A policy as `pfkey_spdump` of ipsec-tools 0.8.2 prints it.
pub(crate) fn policy(message: &Message, ports: bool) -> String {
    let text = PolicyText::of_message(message, host, |policy| words(policy, ports));
    text.map_or_else(|missing| missing, |text| text.to_string())
}

fn words(policy: &Policy, ports: bool) -> String {
    let bytes = Extension::Policy(policy.clone()).encode().map_err(|_| Code::InvalidMessage);
    match bytes.and_then(|bytes| describe(&bytes, b"\n\t", ports)) {
        Ok(words) => String::from_utf8_lossy(&words).into_owned(),
        Err(code) => format!("Policy:[{}]", code.text()),
    }
}

/// An address with its scope.
fn host(address: SocketAddr) -> String {
    let found = getnameinfo(&address, libc::NI_NUMERICHOST | libc::NI_NUMERICSERV);
    found.map_or_else(|_| address.ip().to_string(), |(host, _)| host)
}
