//! Routes: policies are looked up after the route, so that a packet without one meets no policy.

use std::{collections::HashSet, net::IpAddr};

use explain::{Flow, Found, find_policy};
use model::{Counter, Demand, Direction, IpVersion, Offer, PolicyEntry, Upper};

use super::{host::protecting, sources};
use crate::{Cause, Conclusion, context::Context};

pub fn findings(context: &mut Context<'_>) {
    to_other_end(context);
    of_received(context);
    of_own(context);
    without_answer(context);
}

/// Whether the routing table was asked for an address and has no route.
fn has_no_route(context: &Context<'_>, dst: IpAddr) -> bool {
    context.observation.host.routes.get(&dst) == Some(&None)
}

/// To the other ends of tunnels: the kernel looks up the route of the outer packet from the source of the tunnel.
fn to_other_end(context: &mut Context<'_>) {
    let counter = Counter::OutBundleGenError;
    if context.left(counter) == 0 {
        return;
    }
    let out =
        context.tables().policies.iter().filter(|it| it.policy.id.direction == Direction::Out);
    let mut ends =
        out.flat_map(|it| it.policy.action.templates()).filter_map(|it| it.mode.endpoints());
    let dst = ends.find(|ends| has_no_route(context, ends.dst())).map(model::AddressPair::dst);
    let of_other_host = sources::templates(context).into_iter().next();
    let cause = match (dst, of_other_host) {
        (None, Some(cause)) => cause,
        (dst, _) => Cause::NoRoute(dst),
    };
    context.explain_all(cause, counter);
}

/// The cause, with the router by which the other end of the tunnel is reached.
fn of<'a>(context: &Context<'_>, policy: &'a PolicyEntry, flow: Option<Flow>) -> Cause<'a> {
    let is_out = policy.policy.id.direction == Direction::Out;
    let ends = policy.policy.action.templates().iter().find_map(|it| it.mode.endpoints());
    let gateway = ends.filter(|_| is_out).and_then(|ends| {
        let route = context.observation.host.routes.get(&ends.dst())?.as_ref()?;
        Some(route.gateway.unwrap_or(ends.dst()))
    });
    Cause::NoRouteOf { policy, flow, gateway }
}

/// Packets that were inside a tunnel and cannot be forwarded, and packets of this network that a tunnel is for.
fn of_received(context: &mut Context<'_>) {
    if context.network.in_no_routes == 0 {
        return;
    }
    for (seen, flow) in context.arrived_in_clear() {
        if context.observation.is_local(flow.dst()) || !has_no_route(context, flow.dst()) {
            continue;
        }
        let policy = came_by_tunnel(context, &flow).or_else(|| protecting(context, &flow));
        if let Some(policy) = policy {
            let cause = of(context, policy, Some(flow));
            context.add(Conclusion::observed(cause, seen.count));
        }
    }
}

/// The policy of packets that have come by a tunnel that has received packets. It is looked up when a packet is
/// forwarded, which a copy of the policy for `in` is for.
fn came_by_tunnel<'a>(context: &Context<'a>, flow: &Flow) -> Option<&'a PolicyEntry> {
    let found =
        [Direction::Fwd, Direction::In].into_iter().find_map(|direction| {
            match find_policy(context.tables(), direction, flow).found {
                Found::Policy(entry) => Some(entry),
                Found::CatchAll | Found::Nothing => None,
            }
        })?;
    let offers: Vec<_> = context.receiving().into_iter().map(Offer::in_any_state).collect();
    let mut demands = Demand::of(&found.policy.id, found.policy.action.templates());
    demands.any(|demand| offers.iter().any(|sa| demand.is_served_by(sa))).then_some(found)
}

/// Packets of this host: they are refused before anything of them can be captured.
fn of_own(context: &mut Context<'_>) {
    let [v4, v6] = context.network.out_no_routes;
    let counted = |policy: &PolicyEntry| match IpVersion::of(policy.policy.id.selector.dst().addr())
    {
        IpVersion::V4 => v4,
        IpVersion::V6 => v6,
    };
    let out = context.tables().policies.iter().filter(|entry| {
        counted(entry) > 0
            && entry.policy.id.direction == Direction::Out
            && !entry.policy.action.templates().is_empty()
            && has_no_route(context, entry.policy.id.selector.dst().addr())
    });
    let out: Vec<_> = out.collect();
    for policy in out {
        let cause = of(context, policy, None);
        context.add(Conclusion::observed(cause, counted(policy)));
    }
}

/// So many packets without an answer are more than chance.
const SEVERAL: u64 = 2;

/// Packets that were inside a tunnel and were forwarded in clear, and that have to be answered: echo requests and TCP.
fn without_answer(context: &mut Context<'_>) {
    let observation = context.observation;
    if observation.is_cut_short() || context.receiving().is_empty() {
        return;
    }
    let arrived = observation.packets().filter(|seen| !seen.packet.is_outgoing);
    let mut answered = HashSet::new();
    for seen in arrived {
        let ends = seen.packet.flow.map_or(seen.packet.ends, |flow| (flow.src(), flow.dst()));
        answered.insert(ends);
        // An ICMP message about it is an answer.
        answered.extend(seen.packet.error.as_ref().map(|it| (it.packet.ends.1, it.packet.ends.0)));
    }
    let forwarded = observation.packets().filter_map(|seen| {
        let flow = seen.packet.flow.filter(is_to_be_answered)?;
        let is_forwarded = !observation.is_local(flow.src()) && !observation.is_local(flow.dst());
        let has_left = seen.packet.is_outgoing && seen.packet.is_clear();
        let is_silent = !answered.contains(&(flow.dst(), flow.src()));
        (has_left && is_forwarded && is_silent && seen.count >= SEVERAL).then_some((seen, flow))
    });
    for (seen, flow) in forwarded.take(crate::context::MOST_LOOK_UPS) {
        if let Some(policy) = came_by_tunnel(context, &flow) {
            let route = observation.host.routes.get(&flow.dst()).cloned().flatten();
            let own = route.and_then(|route| route.src);
            let cause = Cause::NoAnswer { policy, flow, own };
            context.add(Conclusion::observed(cause, seen.count));
        }
    }
}

fn is_to_be_answered(flow: &Flow) -> bool {
    const ECHO: u16 = 8;
    const ECHO_V6: u16 = 128;
    match flow.upper.map(Upper::Number) {
        Some(Upper::ICMP) => flow.src_port == Some(ECHO),
        Some(Upper::ICMPV6) => flow.src_port == Some(ECHO_V6),
        Some(Upper::TCP) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
