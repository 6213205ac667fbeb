//! What drops packets beside XFRM: routes, filters, lengths.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use explain::{Field, Flow, Found, Reason, Surroundings, Verdict, check, find_policy, output};
use model::{
    AddressPair, Counter, Direction, EncapKind, IpVersion, Mode, NAT_T_PORT, PolicyEntry, SaEntry,
    Spi, Upper,
};

use crate::{
    Cause, Conclusion, IcmpKind, Seen,
    context::{Context, MOST_LOOK_UPS},
};

/// So many ICMP messages about packets that are too long are no fault: the kernel learns from them.
const LEARNT: u64 = 1;

pub fn findings(context: &mut Context<'_>) {
    reverse_path(context);
    lengths(context);
    unreachable(context);
    not_forwarding(context);
    not_received(context);
    not_sent(context);
    leaves_in_clear(context);
    default_of_answers(context);
}

/// `rp_filter`: the kernel does not look at packets that have come by an SA, so that it drops those of the peer
/// itself.
fn reverse_path(context: &mut Context<'_>) {
    let packets = context.network.reverse_path;
    if packets == 0 {
        return;
    }
    let host = &context.observation.host;
    let is_filtered = |seen: &&Seen| {
        let (packet, src) = (&seen.packet, seen.packet.ends.0);
        let route = host.routes.get(&src).cloned().flatten().and_then(|route| route.device);
        let filter = packet.device.and_then(|it| host.reverse_path.get(&it)).copied();
        !packet.is_outgoing && filter.unwrap_or(0) != 0 && route != packet.device
    };
    let filtered = context.observation.packets().filter(is_filtered);
    // Packets of IPsec are what is looked for.
    let seen = filtered.min_by_key(|seen| (seen.packet.is_clear(), std::cmp::Reverse(seen.count)));
    let cause = match seen {
        Some(seen) => {
            let src = seen.packet.ends.0;
            let route = host.routes.get(&src).cloned().flatten().and_then(|route| route.device);
            Cause::ReversePath { device: seen.packet.device, peer: Some(src), route }
        }
        None => Cause::ReversePath { device: None, peer: None, route: None },
    };
    context.add(Conclusion::observed(cause, packets));
}

/// The policy for `out` of a packet, if SAs protect it.
pub fn protecting<'a>(context: &Context<'a>, flow: &Flow) -> Option<&'a PolicyEntry> {
    let output = output(context.tables(), flow, None, &Surroundings::default());
    output.policy.filter(|entry| !entry.policy.action.templates().is_empty())
}

fn lengths(context: &mut Context<'_>) {
    for finding in reported_lengths(context) {
        context.add(finding);
    }
    let dropped = context.network.too_big;
    let is_using = context.changes.values().any(|it| !context.is_inbound(it.sa));
    let has_cause = context.has(|it| matches!(it, Cause::TooBig { .. }));
    let may_be_of_ipsec = is_using || context.left(Counter::OutStateModeError) > 0;
    if dropped > LEARNT && !has_cause && may_be_of_ipsec {
        let cause = Cause::TooBig { policy: None, flow: None, mtu: None, router: None };
        context.add(Conclusion::observed(cause, dropped));
    }
}

/// What ICMP messages report of lengths: those of this host to senders, and those of routers about packets of SAs.
fn reported_lengths<'a>(context: &Context<'a>) -> Vec<Conclusion<'a>> {
    let mut findings = HashMap::<_, Conclusion<'a>>::new();
    let errors =
        context.observation.packets().filter_map(|it| Some((it, it.packet.error.as_ref()?)));
    let lengths = errors.filter_map(|(seen, error)| match error.kind {
        IcmpKind::TooBig(mtu) => Some((seen, error, mtu)),
        _ => None,
    });
    for (seen, error, mtu) in lengths.take(MOST_LOOK_UPS) {
        let policy = error.packet.flow.and_then(|flow| protecting(context, &flow));
        let is_from_here = seen.packet.is_outgoing && policy.is_some();
        let is_of_ipsec = !seen.packet.is_outgoing && !error.packet.arrivals.is_empty();
        if is_from_here || is_of_ipsec {
            let (src, dst) = error.packet.ends;
            let router = (!seen.packet.is_outgoing).then_some(seen.packet.ends.0);
            let flow = error.packet.flow.or_else(|| Flow::new(src, dst).ok());
            let cause = Cause::TooBig { policy, flow, mtu: Some(mtu), router };
            let finding = || Conclusion { packets: 0, ..Conclusion::observed(cause, 0) };
            findings.entry((mtu, router)).or_insert_with(finding).packets += seen.count;
        }
    }
    let repeated = findings.into_values().filter(|finding| finding.packets > LEARNT);
    let mut repeated: Vec<_> = repeated.collect();
    repeated.sort_by_key(|finding| std::cmp::Reverse(finding.packets));
    repeated
}

/// What hosts on the way report.
fn unreachable(context: &mut Context<'_>) {
    let of_sas: HashSet<_> = context.changes.values().map(|change| change.sa.sa.ends).collect();
    let is_of_this_host =
        |(src, dst)| AddressPair::new(src, dst).is_ok_and(|ends| of_sas.contains(&ends));
    let mut look_ups = 0..MOST_LOOK_UPS;
    for seen in context.observation.packets() {
        let Some(error) = &seen.packet.error else { continue };
        if seen.packet.is_outgoing || matches!(error.kind, IcmpKind::TooBig(_)) {
            continue;
        }
        let is_of_ipsec = !error.packet.arrivals.is_empty() || is_natt(error.packet.flow);
        let is_of_sa = is_of_ipsec && is_of_this_host(error.packet.ends);
        // Of a packet inside of a tunnel: the gateway at its other end has no route.
        let mut is_inside = || {
            let flow = error.packet.flow.filter(|_| error.kind == IcmpKind::NoRoute);
            let to_look_up = flow.filter(|_| look_ups.next().is_some());
            to_look_up.is_some_and(|flow| protecting(context, &flow).is_some())
        };
        if !is_of_sa && !is_inside() {
            continue;
        }
        let (by, dst) = (seen.packet.ends.0, error.packet.ends.1);
        let cause = Cause::Unreachable { by, dst, kind: error.kind };
        context.add(Conclusion::observed(cause, seen.count));
    }
}

/// The message has eight bytes of the packet: the ports, and not the SPI.
fn is_natt(flow: Option<Flow>) -> bool {
    let port = Some(NAT_T_PORT.get());
    flow.is_some_and(|flow| flow.upper == Some(Upper::UDP.xfrm()) && flow.dst_port == port)
}

/// A gateway that is none.
fn not_forwarding(context: &mut Context<'_>) {
    let packets = context.network.not_local;
    if packets == 0 {
        return;
    }
    let forwards = &context.observation.host.forwards;
    let is_received =
        |sa: &&SaEntry| sa.sa.mode.installed() == Mode::Tunnel && context.transformed(sa) > 0;
    let receiving = context.receiving();
    let has_tunnel = receiving.iter().any(is_received);
    let policy = context.tables().policies.iter().find(|entry| {
        let id = &entry.policy.id;
        let version = IpVersion::of(id.selector.dst().addr());
        id.direction == Direction::In
            && !forwards.contains(&version)
            && !entry.policy.action.templates().is_empty()
            && !id.selector.dst().is_host()
    });
    if let (true, Some(policy)) = (has_tunnel, policy) {
        context.add(Conclusion::observed(Cause::NotForwarding(policy), packets));
    }
}

/// Packets of an SA that were captured, and that nothing has counted: a firewall drops them before XFRM.
fn not_received(context: &mut Context<'_>) {
    let sums = context.network;
    for (seen, input) in context.arrived() {
        let Some(sa) = input.headers.first().and_then(|header| header.sa) else { continue };
        let change = context.changes.get(&sa.sa.id());
        let is_udp = sa.sa.encap.is_some_and(|it| it.kind != EncapKind::EspInTcp);
        // What is captured last may not be counted yet.
        if input.stops.is_some() || change.is_some() || seen.count < 2 {
            continue;
        }
        if is_udp && sums.no_port > 0 {
            context.add(Conclusion::observed(Cause::NoUdpSocket(sa), seen.count));
        } else if sums.reverse_path == 0 && !has_inbound_counts(context) {
            context.add(Conclusion::observed(Cause::NotReceived(sa), seen.count));
        }
    }
}

/// Whether XFRM has dropped received packets.
fn has_inbound_counts(context: &Context<'_>) -> bool {
    let mut counters = Counter::ALL.iter().filter(|it| it.direction() == Direction::In);
    counters.any(|&it| context.observation.counted(it) > 0)
}

/// Packets that an SA has transformed and that no device has sent.
fn not_sent(context: &mut Context<'_>) {
    let Some(seen) = &context.observation.seen else { return };
    let is_sent = |spi: Spi, dst: IpAddr| {
        seen.iter().any(|seen| {
            let packet = &seen.packet;
            packet.is_outgoing
                && packet.ends.1 == dst
                && packet.arrivals.iter().any(|it| it.spi == spi)
        })
    };
    let lost: Vec<_> = context
        .changes
        .values()
        .filter(|it| it.packets > 1 && !context.is_inbound(it.sa) && it.sa.sa.offload.is_none())
        .filter(|it| !is_bundled(context, it.sa) && !is_sent(it.sa.sa.spi, it.sa.sa.ends.dst()))
        .map(|it| (it.sa, it.packets))
        .collect();
    for (sa, packets) in lost {
        context.add(Conclusion::observed(Cause::NotSent(sa), packets));
    }
}

/// Whether an SA is inside of another one that encrypts, so that its header is not seen.
fn is_bundled(context: &Context<'_>, sa: &SaEntry) -> bool {
    let mut policies = context.tables().policies.iter();
    policies.any(|entry| {
        let templates = entry.policy.action.templates();
        entry.policy.id.direction == Direction::Out
            && templates.len() > 1
            && templates.iter().any(|it| it.proto == sa.sa.proto)
    })
}

/// Packets that leave in clear while answers have to be protected.
fn leaves_in_clear(context: &mut Context<'_>) {
    let observation = context.observation;
    let leaving = observation.packets().filter(|it| it.packet.is_outgoing && it.packet.is_clear());
    let flows = leaving.filter_map(|seen| Some((seen, seen.packet.flow?)));
    let flows = flows.filter(|(_, flow)| !flow.dst().is_multicast());
    for (seen, flow) in flows.take(MOST_LOOK_UPS) {
        let Some(answer) = reversed(&flow) else { continue };
        let is_from_here = observation.is_local(flow.src());
        let direction = if is_from_here { Direction::In } else { Direction::Fwd };
        let tables = context.tables();
        let output = output(tables, &flow, None, &Surroundings::default());
        let is_protected = output.policy.filter(|it| !it.policy.action.templates().is_empty());
        let without_xfrm =
            seen.packet.device.filter(|it| observation.host.without_xfrm.contains(it));
        if let (Some(policy), Some(device)) = (is_protected, without_xfrm) {
            if !observation.is_local(flow.dst()) && flow.dst().is_ipv4() {
                let cause = Cause::WithoutXfrm { device, policy, flow };
                context.add(Conclusion::observed(cause, seen.count));
            }
            continue;
        }
        let demanding = check(tables, direction, &answer, &[], None, &Surroundings::default());
        let (Verdict::Clear, Some(policy)) = (&output.verdict, demanding.policy) else { continue };
        if !matches!(demanding.verdict, Verdict::Dropped { reason: Reason::Templates, .. }) {
            continue;
        }
        if let Some(by) = output.policy {
            context
                .add(Conclusion::observed(Cause::PassesInClear { by, policy, flow }, seen.count));
            continue;
        }
        let mut near = output.lookup.iter().flat_map(|lookup| &lookup.near);
        let near = near.find(|near| {
            near.entry.policy.id.direction == Direction::Out && near.field != Field::Direction
        });
        let near = near.map(|near| (near.entry, near.field));
        context.add(Conclusion::observed(Cause::LeavesInClear { policy, flow, near }, seen.count));
    }
}

/// The packet that answers.
fn reversed(flow: &Flow) -> Option<Flow> {
    let mut answer = Flow::new(flow.dst(), flow.src()).ok()?;
    (answer.upper, answer.src_port, answer.dst_port) = (flow.upper, flow.dst_port, flow.src_port);
    Some(answer)
}

/// The kernel counts nothing if its own default policy discards packets that leave: a packet that came in clear and whose
/// answer it would discard shows it.
fn default_of_answers(context: &mut Context<'_>) {
    let tables = context.tables();
    if !tables.kernel_default.discards(Direction::Out) {
        return;
    }
    let direction = Direction::Out;
    for (seen, flow) in context.arrived_in_clear() {
        let Some(answer) = reversed(&flow) else { continue };
        let is_from_here = context.observation.is_local(flow.dst());
        let is_matched = !matches!(find_policy(tables, direction, &answer).found, Found::Nothing);
        if is_from_here
            && !is_matched
            && check(tables, Direction::In, &flow, &[], None, &Surroundings::default())
                .verdict
                .passes()
        {
            let cause = Cause::DefaultDrops { direction, flow: Some(answer), is_kernels: true };
            context.add(Conclusion::observed(cause, seen.count));
        }
    }
}
