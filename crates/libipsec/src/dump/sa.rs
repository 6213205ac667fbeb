use model::{ALGORITHMS, AlgorithmKind, Key};
use pfkey::{
    Message,
    ext::{Address, AddressKind, End, KeyKind, Lifetime, LifetimeKind, Sa, Sa2},
};

use super::{hex, host, put, sec_ctx, time, word};

/// `SADB_SATYPE_*`.
const ESP: u8 = 3;
const IPCOMP: u8 = 9;

const SA_TYPES: [&str; 12] = [
    "unspec", "unknown", "ah", "esp", "unknown", "rsvp", "ospfv2", "ripv2", "mip", "ipcomp",
    "policy", "tcp",
];
const MODES: [&str; 3] = ["any", "transport", "tunnel"];
const STATES: [&str; 4] = ["larval", "mature", "dying", "dead"];

/// An SA as `pfkey_sadump` of ipsec-tools 0.8.2 prints it.
pub(crate) fn sa(message: &Message, ports: bool) -> String {
    let mut text = String::new();
    let nat = message.nat_type().is_some_and(|kind| kind != 0);
    let nat_port = |end| message.nat_port(end).filter(|_| nat);
    let Some(src) = message.address(AddressKind::Src) else {
        return "no ADDRESS_SRC extension.\n".to_owned();
    };
    put(&mut text, format_args!("{} ", end(src, ports, nat_port(End::Src))));
    let Some(dst) = message.address(AddressKind::Dst) else {
        return text + " no ADDRESS_DST extension.\n";
    };
    put(&mut text, format_args!("{} ", end(dst, ports, nat_port(End::Dst))));
    let Some(sa) = message.sa() else { return text + "no SA extension.\n" };
    let Some(sa2) = message.sa2() else { return text + "no SA2 extension.\n" };
    names(&mut text, message.satype, nat, sa, sa2);
    if let Some(original) = message.address(AddressKind::NatOriginal).filter(|_| nat) {
        put(&mut text, format_args!("\tNAT OA={}\n", host(original.sockaddr)));
    }
    algorithms(&mut text, message, sa);
    put(&mut text, format_args!("\tseq=0x{:08x} replay={} ", sa2.sequence, sa.replay));
    put(&mut text, format_args!("flags=0x{:08x} state={} \n", sa.flags, word(&STATES, sa.state)));
    if let Some(current) = message.lifetime(LifetimeKind::Current) {
        let limit = |kind| message.lifetime(kind).copied().unwrap_or_default();
        lifetimes(&mut text, current, limit(LifetimeKind::Hard), limit(LifetimeKind::Soft));
    }
    if let Some(context) = message.sec_ctx() {
        sec_ctx(&mut text, context);
    }
    let Message { seq, pid, reserved, .. } = message;
    put(&mut text, format_args!("\tsadb_seq={seq} pid={pid} refcnt={reserved}\n"));
    text
}

/// An address with the SA's own port, and with that of NAT traversal.
fn end(address: &Address, ports: bool, nat_port: Option<u16>) -> String {
    let port = |port: Option<u16>| port.map_or(String::new(), |port| format!("[{port}]"));
    let own = ports.then(|| address.sockaddr.port());
    format!("{}{}{}", host(address.sockaddr), port(own), port(nat_port))
}

/// Type, mode, SPI, request number.
fn names(text: &mut String, satype: u8, nat: bool, sa: &Sa, sa2: &Sa2) {
    let (prefix, name) = match (nat, satype) {
        (true, ESP) => ("", "esp-udp".to_owned()),
        (true, _) => ("natt+", word(&SA_TYPES, satype)),
        (false, _) => ("", word(&SA_TYPES, satype)),
    };
    let (mode, Sa { spi, .. }, Sa2 { reqid, .. }) = (word(&MODES, sa2.mode), sa, sa2);
    put(text, format_args!("\n\t{prefix}{name} mode={mode} spi={spi}(0x{spi:08x}) "));
    put(text, format_args!("reqid={reqid}(0x{reqid:08x})\n"));
}

fn algorithms(text: &mut String, message: &Message, sa: &Sa) {
    use AlgorithmKind::{Aead, Auth, Comp, Crypt};
    if message.satype == IPCOMP {
        // The original ends this line only after the next one.
        put(text, format_args!("\tC: {} ", name(&[Comp], sa.encrypt)));
    } else if let Some(key) = message.key(KeyKind::Encrypt).filter(|_| message.satype == ESP) {
        put_key(text, 'E', &name(&[Crypt, Aead], sa.encrypt), key);
    }
    if let Some(key) = message.key(KeyKind::Auth) {
        put_key(text, 'A', &name(&[Auth], sa.auth), key);
    }
}

fn put_key(text: &mut String, letter: char, name: &str, key: &Key) {
    put(text, format_args!("\t{letter}: {name} {}\n", hex(key.bytes())));
}

/// The word for an algorithm in dumps; its number where there is none.
fn name(kinds: &[AlgorithmKind], number: u8) -> String {
    if number == 0 {
        return "none".to_owned();
    }
    let row = ALGORITHMS.iter().find(|row| kinds.contains(&row.kind) && row.pfkey == Some(number));
    row.map_or_else(|| number.to_string(), |row| row.dumped.to_owned())
}

fn lifetimes(text: &mut String, current: &Lifetime, hard: Lifetime, soft: Lifetime) {
    let now = sys::clock::unix_seconds();
    let added = current.add_time;
    let age = if added == 0 { 0 } else { now.saturating_sub(added) };
    put(text, format_args!("\tcreated: {}\tcurrent: {}\n", time(added), time(now)));
    put(text, format_args!("\tdiff: {age}(s)"));
    put(text, format_args!("\thard: {}(s)\tsoft: {}(s)\n", hard.add_time, soft.add_time));
    put(text, format_args!("\tlast: {}", time(current.use_time)));
    put(text, format_args!("\thard: {}(s)\tsoft: {}(s)\n", hard.use_time, soft.use_time));
    for (name, lifetime) in [("current", current), ("hard", &hard), ("soft", &soft)] {
        put(text, format_args!("\t{name}: {}(bytes)", lifetime.bytes));
    }
    put(text, format_args!("\n\tallocated: {}", current.allocations));
    put(text, format_args!("\thard: {}\tsoft: {}\n", hard.allocations, soft.allocations));
}
