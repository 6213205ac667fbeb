//! Policies that neighbour discovery needs an SA for.

use std::net::{IpAddr, Ipv6Addr};

use grammar::Part;
use model::{Direction, IpVersion, PolicyId, Prefix, Selector, Upper};

use super::{
    code::Code,
    context::{TablesInContext, is_blocking},
    entry::{PlacedFinding, PolicyAt},
};

/// Messages of neighbour discovery (RFC 4861), each with addresses that it may have.
const SOLICITATION: (u16, Ipv6Addr, Ipv6Addr) =
    (135, link_local(1), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 2));
const ADVERTISEMENT: (u16, Ipv6Addr, Ipv6Addr) = (136, link_local(2), link_local(1));

const fn link_local(host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host)
}

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let policies = context.tables.policies.iter().enumerate();
    let caught = policies.filter(|(at, policy)| is_catching(context, *at, policy));
    let message = "the policy also matches neighbour solicitations or advertisements (ICMPv6)";
    caught
        .map(|(_, policy)| policy.finding(Code::NeighbourDiscoveryCaught, Part::Action, message))
        .collect()
}

fn is_catching(context: &TablesInContext<'_>, at: usize, policy: &PolicyAt) -> bool {
    let id = &policy.policy.id;
    // A policy of an xfrm interface is asked for packets of the interface alone.
    id.selector.version() == IpVersion::V6
        && id.direction != Direction::Fwd
        && id.if_id.is_none()
        && is_blocking(policy)
        && [SOLICITATION, ADVERTISEMENT]
            .into_iter()
            .filter_map(|message| named(id, message))
            .any(|message| context.cover.first(&message) == Some(at))
}

/// The name of a policy for one message alone.
fn named(id: &PolicyId, (kind, src, dst): (u16, Ipv6Addr, Ipv6Addr)) -> Option<PolicyId> {
    let host = |addr: Ipv6Addr| Prefix::host(IpAddr::V6(addr));
    let mut selector = Selector::new(host(src), host(dst)).ok()?;
    (selector.upper, selector.src_port) = (Upper::ICMPV6, kind);
    Some(PolicyId { selector, ..id.clone() })
}
