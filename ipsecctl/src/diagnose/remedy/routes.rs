//! Routes, and addresses of this host.

use std::net::IpAddr;

use explain::Flow;
use model::{AddressPair, Direction, PolicyEntry, Prefix, Template};

use crate::statements::{replacing, with_ends};

/// A network of a selector, or the address if the selector has none.
pub fn network(prefix: Prefix, addr: IpAddr) -> String {
    match prefix.length() {
        0 => addr.to_string(),
        length => format!("{}/{length}", prefix.addr()),
    }
}

/// A route for packets of a policy.
pub fn route(entry: &PolicyEntry, flow: Option<&Flow>, gateway: Option<IpAddr>) -> String {
    let dst = entry.policy.id.selector.dst();
    let network = network(dst, flow.map_or(dst.addr(), Flow::dst));
    match entry.policy.id.direction {
        Direction::Out => format!(
            "ip route add {network} via {}",
            gateway.map_or("GATEWAY".to_owned(), |addr| addr.to_string())
        ),
        Direction::In | Direction::Fwd => {
            format!("ip route add {network} dev DEVICE, or via GATEWAY")
        }
    }
}

/// A tunnel from an address of this host, or the address.
pub fn wrong_source(entry: &PolicyEntry, template: &Template, own: Option<IpAddr>) -> String {
    let Some(ends) = template.mode.endpoints() else { return String::new() };
    let Some(right) = own.and_then(|own| AddressPair::new(own, ends.dst()).ok()) else {
        return format!("ip addr add {} dev DEVICE", ends.src());
    };
    format!(
        "{} and the SA from {}, or give this host the address: ip addr add {} dev DEVICE",
        replacing(&with_ends(&entry.policy, ends, right)),
        right.src(),
        ends.src()
    )
}

/// What is known, or a word in its place.
pub(super) fn or(word: &str, known: Option<impl ToString>) -> String {
    known.map_or_else(|| word.to_owned(), |known| known.to_string())
}

/// A route with an MTU that fits.
pub(super) fn too_big(flow: Option<&Flow>, mtu: Option<u32>) -> String {
    format!(
        "ip route replace {} via GATEWAY mtu lock {}, and let ICMP pass to the senders",
        or("DST", flow.map(Flow::dst)),
        or("MTU", mtu)
    )
}

pub(super) fn no_answer(policy: &PolicyEntry, flow: &Flow, own: Option<IpAddr>) -> String {
    format!(
        "at {}: ip route add {} via {}",
        flow.dst(),
        network(policy.policy.id.selector.src(), flow.src()),
        or("THIS-HOST", own)
    )
}

pub(super) fn not_forwarding(policy: &PolicyEntry) -> &'static str {
    if policy.policy.id.selector.dst().addr().is_ipv4() {
        "sysctl net.ipv4.ip_forward=1"
    } else {
        "sysctl net.ipv6.conf.all.forwarding=1"
    }
}
