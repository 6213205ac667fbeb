//! Policies of tunnels that also match what is sent between the tunnel's own ends.

use std::net::IpAddr;

use grammar::Part;
use model::{AddressPair, Direction, IKE_PORT, Mode, PolicyId, Prefix, Selector, Upper};

use super::{
    code::Code,
    context::{TablesInContext, is_required},
    entry::{PlacedFinding, PolicyAt},
};

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    // A key daemon that runs has policies of its own sockets.
    if context.surroundings.has_key_daemon {
        return Vec::new();
    }
    let policies = context.tables.policies.iter().enumerate();
    let caught = policies.filter(|(at, policy)| catches_ends(context, *at, policy));
    let message =
        "the policy also matches packets between the two ends of its tunnel, such as those of IKE";
    caught.map(|(_, policy)| policy.finding(Code::TunnelEndsCaught, Part::Dst, message)).collect()
}

fn catches_ends(context: &TablesInContext<'_>, at: usize, policy: &PolicyAt) -> bool {
    let id = &policy.policy.id;
    let tunnels = policy
        .policy
        .action
        .templates()
        .iter()
        .filter(|template| template.mode.mode() == Mode::Tunnel && is_required(template));
    let mut ends = tunnels.filter_map(|template| template.mode.endpoints());
    // A policy of an xfrm interface is asked for packets of the interface alone.
    id.direction == Direction::Out
        && id.if_id.is_none()
        && ends.any(|ends| {
            // What is between two hosts alone is meant so.
            !is_between(&id.selector, ends)
                && ike(id, ends).is_some_and(|ike| context.cover.first(&ike) == Some(at))
        })
        && !context.is_served(policy)
}

fn is_between(selector: &Selector, ends: AddressPair) -> bool {
    let is = |prefix: Prefix, addr: IpAddr| prefix == Prefix::host(addr);
    is(selector.src(), ends.src()) && is(selector.dst(), ends.dst())
}

/// The name of a policy for the packets of IKE between two hosts.
fn ike(id: &PolicyId, ends: AddressPair) -> Option<PolicyId> {
    let mut selector = Selector::new(Prefix::host(ends.src()), Prefix::host(ends.dst())).ok()?;
    (selector.upper, selector.src_port, selector.dst_port) =
        (Upper::UDP, IKE_PORT.get(), IKE_PORT.get());
    Some(PolicyId { selector, ..id.clone() })
}
