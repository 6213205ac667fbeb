//! Received packets that their policy does not take.

use std::{collections::HashMap, net::IpAddr};

use explain::{Flow, Found, PolicyCheck, Reason, Surroundings, Verdict, check, find_policy};
use model::{
    Action, Counter, Demand, Direction, Mode, NAT_T_PORT, Offer, PolicyEntry, SaEntry, SaField,
    Upper,
};

use crate::{
    Cause,
    context::{Context, MOST},
};

pub fn findings(context: &mut Context<'_>) {
    encapsulated(context);
    protected(context);
    in_clear(context);
    without_packets(context);
}

/// A packet, the SAs that it has come through, and how often.
struct Received<'a> {
    direction: Direction,
    flow: Flow,
    path: Vec<&'a SaEntry>,
    count: u64,
}

/// ESP in UDP is checked as UDP (`udp_queue_rcv_one_skb`, net/ipv4/udp.c) before its socket decapsulates it.
fn encapsulated(context: &mut Context<'_>) {
    const PORT: u16 = NAT_T_PORT.get();
    for (seen, input) in context.arrived() {
        let Some(header) = input.headers.first() else { continue };
        let is_in_udp = matches!(header.arrival.encapsulation, Some(Some(_)));
        let is_received = header.sa.is_some_and(|sa| context.transformed(sa) > 0);
        let (src, dst) = seen.packet.ends;
        let Ok(mut flow) = Flow::new(src, dst) else { continue };
        (flow.upper, flow.src_port, flow.dst_port) =
            (Some(Upper::UDP.xfrm()), Some(PORT), Some(PORT));
        let counter = Counter::InTmplMismatch;
        if !is_in_udp || is_received || context.left(counter) == 0 {
            continue;
        }
        let check =
            check(context.tables(), Direction::In, &flow, &[], None, &Surroundings::default());
        if let (Verdict::Dropped { reason: Reason::Templates, .. }, Some(policy)) =
            (check.verdict, check.policy)
        {
            let cause = Cause::CatchesEncapsulation { policy, ends: (src, dst) };
            context.explain(cause, counter, seen.count);
        }
    }
}

/// Packets whose SAs and flow are known: those of transport mode.
fn protected(context: &mut Context<'_>) {
    for (seen, input) in context.arrived() {
        let are_received = input.path.iter().all(|sa| context.transformed(sa) > 0);
        let is_transport = input.path.iter().all(|sa| sa.sa.mode.installed() == Mode::Transport);
        if input.stops.is_some() || !are_received || !is_transport {
            continue;
        }
        let (src, dst) = seen.packet.ends;
        let flow = seen.packet.flow.map_or_else(|| Flow::new(src, dst), Ok);
        let Ok(flow) = flow else { continue };
        let (path, count) = (input.path, seen.count);
        conclude(context, &Received { direction: Direction::In, flow, path, count });
    }
}

/// Packets in clear, and packets that were inside a tunnel, which are captured as if they had come in clear.
fn in_clear(context: &mut Context<'_>) {
    let tunnels: Vec<_> = context
        .receiving()
        .into_iter()
        .filter(|sa| sa.sa.mode.installed() != Mode::Transport)
        .collect();
    let by_src = by_src(&tunnels);
    let of = |src| by_src.get(&src).into_iter().flatten();
    for (seen, flow) in context.arrived_in_clear() {
        if CHECKED.iter().all(|counter| context.left(*counter) == 0) {
            break;
        }
        let is_local = context.observation.is_local(flow.dst());
        let is_forwarded = context.observation.host.forwards.contains(&flow.version());
        let direction = match (is_local, is_forwarded) {
            (true, _) => Direction::In,
            (false, true) => Direction::Fwd,
            (false, false) => continue,
        };
        let found = find_policy(context.tables(), direction, &flow).found;
        let passes = |sa: &SaEntry| {
            check(context.tables(), direction, &flow, &[sa], None, &Surroundings::default())
                .verdict
                .passes()
        };
        // A tunnel that another policy accepts has another packet inside.
        let tunnel = match found {
            Found::Policy(entry) => {
                let ends =
                    entry.policy.action.templates().iter().filter_map(|it| it.mode.endpoints());
                let mut demanded = ends.flat_map(|ends| of(ends.src())).peekable();
                let first = demanded.peek().copied();
                if demanded.any(|sa| passes(sa)) {
                    continue;
                }
                first
            }
            Found::CatchAll | Found::Nothing => {
                tunnels.iter().find(|sa| may_be_inside(context, sa, &flow))
            }
        };
        let path: Vec<_> = tunnel.copied().into_iter().collect();
        conclude(context, &Received { direction, flow, path, count: seen.count });
    }
}

/// The counters that the check of a policy raises.
const CHECKED: [Counter; 4] =
    [Counter::InNoPols, Counter::InPolBlock, Counter::InTmplMismatch, Counter::InStateMismatch];

/// The SAs by their sources.
fn by_src<'a>(sas: &[&'a SaEntry]) -> HashMap<IpAddr, Vec<&'a SaEntry>> {
    let mut by_src = HashMap::<_, Vec<_>>::new();
    for sa in sas {
        by_src.entry(sa.sa.ends.src()).or_default().push(*sa);
    }
    by_src
}

/// Whether a packet that was captured in clear, and that no policy matches, may have been inside a tunnel: the peer's own
/// packets are not inside its tunnel in clear, unless they come by it.
fn may_be_inside(context: &Context<'_>, sa: &SaEntry, flow: &Flow) -> bool {
    sa.sa.ends.src() != flow.src() || context.left(Counter::InNoPols) > 0
}

fn conclude<'a>(context: &mut Context<'a>, received: &Received<'a>) {
    let Received { direction, flow, path, count } = received;
    let (direction, flow) = (*direction, *flow);
    let check = check(context.tables(), direction, &flow, path, None, &Surroundings::default());
    let Verdict::Dropped { reason, counters } = check.verdict else { return };
    let Some(&counter) = counters.iter().find(|it| context.left(**it) > 0) else { return };
    let cause = match (reason, check.policy) {
        (Reason::Policy, Some(policy)) => Cause::Discards { policy, flow: Some(flow) },
        (Reason::CatchAll | Reason::KernelDefault, _) => {
            let is_kernels = reason == Reason::KernelDefault;
            Cause::DefaultDrops { direction, flow: Some(flow), is_kernels }
        }
        (Reason::Templates, Some(policy)) => mismatch(policy, &check, flow),
        (Reason::TunnelWithoutPolicy, _) => without_policy(context, direction, flow, path),
        (Reason::SaSelector, _) => match check.outside {
            Some(sa) => Cause::Refused(sa, Reason::SaSelector),
            None => return,
        },
        _ => return,
    };
    context.explain(cause, counter, *count);
}

fn mismatch<'a>(policy: &'a PolicyEntry, check: &PolicyCheck<'a>, flow: Flow) -> Cause<'a> {
    let failed = check.templates.last().and_then(|it| it.mismatches.first().copied());
    match (failed, check.surplus) {
        (Some((sa, field)), _) => Cause::Mismatch { policy, sa, field: Some(field) },
        (None, Some(sa)) => Cause::Mismatch { policy, sa, field: None },
        (None, None) => Cause::InClear { policy, flow: Some(flow) },
    }
}

fn without_policy<'a>(
    context: &Context<'a>,
    direction: Direction,
    flow: Flow,
    path: &[&'a SaEntry],
) -> Cause<'a> {
    let flow_of = Some(flow);
    if direction == Direction::Fwd
        && let Found::Policy(policy) = find_policy(context.tables(), Direction::In, &flow).found
    {
        return Cause::NoForward { policy, flow: flow_of };
    }
    match path.first() {
        Some(sa) => Cause::NoInbound { sa, flow: flow_of },
        None => Cause::Counted(Counter::InNoPols),
    }
}

/// Without captured packets, what the tables and the times at which policies were used show.
fn without_packets(context: &mut Context<'_>) {
    let start = context.observation.start;
    let used = context.tables().policies.iter().filter(|entry| {
        entry.policy.id.direction != Direction::Out && entry.current.was_used_since(start)
    });
    let used: Vec<_> = used.collect();
    let receiving = context.receiving();
    if context.left(Counter::InTmplMismatch) > 0 && !has_template_cause(context) {
        let demanding = used.iter().filter(|it| !it.policy.action.templates().is_empty());
        for policy in demanding.take(MOST) {
            let cause = match unserved(policy, &receiving) {
                Some((sa, field)) => Cause::Mismatch { policy, sa, field: Some(field) },
                None => Cause::InClear { policy, flow: None },
            };
            context.explain(cause, Counter::InTmplMismatch, 1);
        }
    }
    if context.left(Counter::InPolBlock) > 0 {
        let discarding = used.iter().filter(|it| matches!(it.policy.action, Action::Discard));
        for policy in discarding.take(MOST) {
            context.explain(Cause::Discards { policy, flow: None }, Counter::InPolBlock, 1);
        }
        let catch_alls = &context.tables().catch_alls;
        let direction = catch_alls.iter().map(|it| it.1).find(|it| *it != Direction::Out);
        if let (Some(direction), false) =
            (direction, context.has(|it| matches!(it, Cause::Discards { .. })))
        {
            let cause = Cause::DefaultDrops { direction, flow: None, is_kernels: false };
            context.explain_all(cause, Counter::InPolBlock);
        }
    }
    if context.left(Counter::InNoPols) > 0 {
        no_policies(context, &receiving);
    }
    let explained = [
        (Counter::InTmplMismatch, has_template_cause(context)),
        (Counter::InNoPols, context.has(is_of_no_policy)),
        (
            Counter::InPolBlock,
            context.has(|it| matches!(it, Cause::Discards { .. } | Cause::DefaultDrops { .. })),
        ),
    ];
    for (counter, _) in explained.into_iter().filter(|(_, is_explained)| *is_explained) {
        context.close(counter);
    }
}

fn has_template_cause(context: &Context<'_>) -> bool {
    context.has(|it| {
        matches!(
            it,
            Cause::InClear { .. } | Cause::Mismatch { .. } | Cause::CatchesEncapsulation { .. }
        )
    })
}

fn is_of_no_policy(cause: &Cause<'_>) -> bool {
    matches!(cause, Cause::NoForward { .. } | Cause::NoInbound { .. } | Cause::DefaultDrops { .. })
}

fn no_policies<'a>(context: &mut Context<'a>, receiving: &[&'a SaEntry]) {
    let discards = [Direction::In, Direction::Fwd]
        .into_iter()
        .find(|direction| context.tables().kernel_default.discards(*direction));
    let tunnel = receiving.iter().find(|sa| sa.sa.mode.installed() != Mode::Transport);
    let counter = Counter::InNoPols;
    if context.has(is_of_no_policy) {
        return;
    }
    let cause = match (tunnel, discards) {
        (Some(sa), _) => match accepting(context, sa, Direction::In) {
            Some(policy) => Cause::NoForward { policy, flow: None },
            None => Cause::NoInbound { sa, flow: None },
        },
        (None, Some(direction)) => Cause::DefaultDrops { direction, flow: None, is_kernels: true },
        (None, None) => return,
    };
    context.explain_all(cause, counter);
}

/// A policy of this direction that accepts packets of an SA.
fn accepting<'a>(
    context: &Context<'a>,
    sa: &SaEntry,
    direction: Direction,
) -> Option<&'a PolicyEntry> {
    let offer = Offer::in_any_state(sa);
    let mut policies = context.tables().policies.iter();
    policies.find(|entry| {
        let id = &entry.policy.id;
        let mut demands = Demand::of(id, entry.policy.action.templates());
        id.direction == direction && demands.any(|demand| demand.is_served_by(&offer))
    })
}

/// An SA that has received packets and differs in one field from what a template of the policy demands.
fn unserved<'a>(policy: &PolicyEntry, receiving: &[&'a SaEntry]) -> Option<(&'a SaEntry, SaField)> {
    let demands: Vec<_> = Demand::of(&policy.policy.id, policy.policy.action.templates()).collect();
    receiving.iter().find_map(|sa| {
        let offer = Offer::in_any_state(sa);
        demands.iter().find_map(|demand| {
            let mut fields = demand.mismatches(&offer);
            let first = fields.next()?;
            fields.next().is_none().then_some((*sa, first))
        })
    })
}
