//! Policies for packets that do not exist.

use std::net::{IpAddr, Ipv4Addr};

use grammar::Part;
use model::{Action, Prefix, Selector};

use super::{
    code::Code,
    context::TablesInContext,
    entry::{PlacedFinding, PolicyAt},
};

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let unreachable = |policy: &PolicyAt| {
        let (part, message) = reason(policy)?;
        Some(policy.finding(Code::UnreachablePolicy, part, &message))
    };
    context.tables.policies.iter().filter_map(unreachable).collect()
}

fn reason(PolicyAt { policy, .. }: &PolicyAt) -> Option<(Part, String)> {
    let selector = &policy.id.selector;
    let (src, dst) = (selector.src(), selector.dst());
    if is_no_address(dst) {
        return Some((Part::Dst, format!("no packet is for {}", dst.addr())));
    }
    // DHCP has the source 0.0.0.0, and duplicate address detection has ::.
    if is_no_address(src) && !is_for_all_hosts(dst) {
        return Some((Part::Src, format!("no packet for this destination is from {}", src.addr())));
    }
    if src.addr().is_multicast() && src.length() >= shortest_multicast(src) {
        return Some((Part::Src, "no packet is from a multicast address".to_owned()));
    }
    (is_v4_loopback(selector) && policy.action != Action::None).then(|| {
        let message = "IPv4 packets of the loopback device pass no policy (disable_xfrm)";
        (Part::Src, message.to_owned())
    })
}

fn is_no_address(prefix: Prefix) -> bool {
    prefix.is_host() && prefix.addr().is_unspecified()
}

fn is_for_all_hosts(dst: Prefix) -> bool {
    dst.contains(Ipv4Addr::BROADCAST.into()) || dst.addr().is_multicast() || dst.length() == 0
}

fn shortest_multicast(prefix: Prefix) -> u8 {
    if prefix.addr().is_ipv4() { 4 } else { 8 }
}

fn is_v4_loopback(selector: &Selector) -> bool {
    let is_loopback = |prefix: Prefix| {
        prefix.length() >= 8 && matches!(prefix.addr(), IpAddr::V4(addr) if addr.is_loopback())
    };
    is_loopback(selector.src()) && is_loopback(selector.dst())
}
