//! What is meant by a word in the place of an upper-layer protocol, or beside one.

use model::Upper;

use crate::parse::{hint::Hint, repair_selector::OF_PORTS};

/// The types of ICMP and of ICMPv6 that iptables(8) and nft(8) call so.
const TYPES: &[(&str, u8, u8)] = &[
    ("echo-request", 8, 128),
    ("ping", 8, 128),
    ("echo-reply", 0, 129),
    ("pong", 0, 129),
    ("destination-unreachable", 3, 1),
    ("time-exceeded", 11, 3),
    ("parameter-problem", 12, 4),
    ("redirect", 5, 137),
    ("router-advertisement", 9, 134),
    ("router-solicitation", 10, 133),
];

/// The type that a name means.
pub(super) fn type_of(name: &str, upper: Upper) -> Option<u8> {
    let (_, of_icmp, of_icmp6) = TYPES.iter().find(|(known, ..)| *known == name)?;
    match upper {
        Upper::ICMP => Some(*of_icmp),
        Upper::ICMPV6 => Some(*of_icmp6),
        _ => None,
    }
}

/// What to write for all packets of an IP version.
pub(super) fn of_version(name: &str) -> Option<&'static str> {
    Some(match name {
        "ip6" => {
            "between IPv6 addresses `any` is for all packets; `ipv6` is for IPv6 inside IP alone"
        }
        "ipv4" => {
            "between IPv4 addresses `any` is for all packets; `ip4` is for IPv4 inside IP alone"
        }
        _ => return None,
    })
}

/// What is behind the upper-layer protocol and a comma.
pub(super) fn glued(misc: &str, upper: Upper) -> Option<Hint> {
    let behind = misc.trim_start_matches(',');
    let is_number = behind.starts_with(|c: char| c.is_ascii_digit());
    match upper {
        _ if upper.has_ports() => Some(Hint::Text(OF_PORTS)),
        _ if upper.has_type_and_code() && is_number => Some(Hint::BlankBefore(behind.to_owned())),
        _ => None,
    }
}

/// What to do about a port of a protocol that has none.
pub(super) fn without_ports(upper: Upper) -> Option<Hint> {
    let has_ports = upper == Upper::Any || upper.has_ports();
    (!has_ports).then_some(Hint::Text("the protocol has no ports: leave the port out"))
}

/// The protocol that a name of elsewhere means.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "ip-in-ip6" | "ip6ip6" | "sit" | "6in4" => "ipv6",
        "ipip" | "ip-ip" => "ip4",
        "icmpv6" | "ping6" | "ndp" => "icmp6",
        "ping" | "icmp4" | "icmpv4" => "icmp",
        "all" | "both" | "ip-any" | "inet" | "inet6" => "any",
        "tcp4" | "tcp6" => "tcp",
        "udp4" | "udp6" => "udp",
        "carp" | "vrrp" => "112",
        "mh" | "mobility" => "135",
        "udp-lite" => "136",
        _ => return None,
    })
}
