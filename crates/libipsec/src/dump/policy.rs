use model::{Names, SystemNames};
use pfkey::{
    Extension, Message,
    ext::{self, Address, AddressKind, LifetimeKind},
};

use super::{host, put, sec_ctx, time};
use crate::{describe::describe, error::Code};

/// IP protocols whose ports are something else: type and code, or halves of a key.
const ICMP: u8 = 1;
const GRE: u8 = 47;
const ICMPV6: u8 = 58;
const MH: u8 = 135;

/// From this remainder by 8 on, the index is that of a socket's policy.
const FIRST_OF_SOCKETS: u32 = 3;

/// A policy as `pfkey_spdump` of ipsec-tools 0.8.2 prints it.
pub(crate) fn policy(message: &Message, ports: bool) -> String {
    let mut text = String::new();
    let Some(policy) = message.policy() else { return "no X_POLICY extension.\n".to_owned() };
    let ends = message.address(AddressKind::Src).zip(message.address(AddressKind::Dst));
    match ends {
        _ if policy.id % 8 >= FIRST_OF_SOCKETS => text += "(per-socket policy) ",
        Some((src, dst)) => selector(&mut text, src, dst),
        None => text += "(no selector, probably per-socket policy) ",
    }
    put(&mut text, format_args!("\n\t{}\n", words(policy, ports)));
    if let Some(current) = message.lifetime(LifetimeKind::Current) {
        let (added, used) = (time(current.add_time), time(current.use_time));
        put(&mut text, format_args!("\tcreated: {added}  lastused: {used}\n"));
    }
    if let Some(hard) = message.lifetime(LifetimeKind::Hard) {
        let (lifetime, valid_time) = (hard.add_time, hard.use_time);
        put(&mut text, format_args!("\tlifetime: {lifetime}(s) validtime: {valid_time}(s)\n"));
    }
    if let Some(context) = message.sec_ctx() {
        sec_ctx(&mut text, context);
    }
    let Message { seq, pid, reserved, .. } = message;
    put(&mut text, format_args!("\tspid={} seq={seq} pid={pid}\n\trefcnt={reserved}\n", policy.id));
    text
}

fn words(policy: &ext::Policy, ports: bool) -> String {
    let bytes = Extension::Policy(policy.clone()).encode();
    let words = bytes.map_err(|_| Code::InvalidMessage);
    match words.and_then(|bytes| describe(&bytes, b"\n\t", ports)) {
        Ok(words) => String::from_utf8_lossy(&words).into_owned(),
        Err(code) => format!("Policy:[{}]", code.text()),
    }
}

fn selector(text: &mut String, src: &Address, dst: &Address) {
    let proto = src.proto;
    put(text, format_args!("{} {} ", range(src, proto), range(dst, proto)));
    match SystemNames.protocol_name(proto) {
        Some(name) => *text += name,
        None => put(text, format_args!("{proto}")),
    }
    match (src.sockaddr.port(), dst.sockaddr.port()) {
        (0, 0) => {}
        (kind, code) if matches!(proto, ICMP | ICMPV6 | MH) => {
            put(text, format_args!(" {kind},{code}"));
        }
        (high, low) if proto == GRE => {
            put(text, format_args!(" {}", u32::from(high) << 16 | u32::from(low)));
        }
        _ => {}
    }
}

/// `ADDRESS/LENGTH[PORT]`.
fn range(address: &Address, proto: u8) -> String {
    let whole = if address.sockaddr.is_ipv4() { 32 } else { 128 };
    let host = host(address.sockaddr);
    let length = match address.prefix_len {
        length if length == whole => String::new(),
        length => format!("/{length}"),
    };
    let port = match (proto, address.sockaddr.port()) {
        (ICMP | ICMPV6 | MH | GRE, _) => String::new(),
        (_, 0) => "[any]".to_owned(),
        (_, port) => format!("[{port}]"),
    };
    format!("{host}{length}{port}")
}
