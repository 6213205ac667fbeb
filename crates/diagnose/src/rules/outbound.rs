//! Packets that do not leave.

use explain::{
    Doubt, Flow, FlowDevice, Resolution, Surroundings, Verdict, has_reached_limit, output,
};
use model::{
    Acquire, Action, Counter, Demand, Direction, Offer, PolicyEntry, SaDirection, SaField, Upper,
};

use super::{
    lacking::{Index, Lacking, is_demanding},
    sources,
};
use crate::{
    Cause, Conclusion,
    context::{Context, MOST},
};

pub fn findings(context: &mut Context<'_>) {
    expired(context);
    no_sa(context);
    sequence(context);
    directions(context);
    discarded(context);
}

/// SAs that ended in the meantime, and that no other has replaced.
fn expired(context: &mut Context<'_>) {
    let gone: Vec<_> =
        context.observation.expired.iter().filter(|gone| !context.is_replaced(gone)).collect();
    for sa in gone {
        let (own, other) = if context.is_inbound(sa) {
            (Counter::InStateExpired, Counter::InNoStates)
        } else {
            (Counter::OutStateExpired, Counter::OutNoStates)
        };
        let packets = context.left(own) + context.left(other);
        let finding = Conclusion::observed(Cause::Expired(sa), packets);
        let counted = [own, other].map(|it| (it, context.left(it)));
        let counted = counted.into_iter().filter(|(_, packets)| *packets > 0);
        context.add(counted.fold(finding, |finding, (it, packets)| finding.with(it, packets)));
        context.close(own);
    }
    let counter = Counter::OutStateExpired;
    if context.left(counter) > 0 {
        let mut sas = context.tables().sas.iter();
        let ended = sas.find(|sa| !context.is_inbound(sa) && has_reached_limit(sa));
        if let Some(sa) = ended {
            context.explain_all(Cause::Expired(sa), counter);
        }
    }
}

fn no_sa<'a>(context: &mut Context<'a>) {
    let counter = Counter::OutNoStates;
    let packets = context.left(counter);
    let observation = context.observation;
    if packets == 0 {
        return;
    }
    let mut causes: Vec<Cause<'a>> = Vec::new();
    for acquire in &observation.acquires {
        let cause = of_acquire(context, acquire);
        if let Some(cause) = cause.filter(|it| !causes.contains(it)) {
            causes.push(cause);
        }
    }
    if causes.is_empty() {
        causes = of_captured(context);
    }
    if causes.is_empty() {
        let index = Index::new(&context.tables().sas);
        let out = || context.tables().policies.iter().filter(|it| is_demanding(it, Direction::Out));
        let mut lacking: Vec<_> = out().flat_map(|it| index.lacking(it)).take(MOST).collect();
        if lacking.is_empty() {
            lacking = out().flat_map(|it| index.partly_served(it)).take(MOST).collect();
        }
        causes = lacking.iter().map(|lacking| cause(context, lacking)).collect();
    }
    // An SA from an address of another host would not help.
    for cause in &mut causes {
        if let Cause::NoSa { policy, template, near: None | Some((_, Some(SaField::Src))), .. } =
            *cause
            && let Some(wrong) = sources::of(context, policy, template)
        {
            *cause = wrong;
        }
    }
    // What an SA that has expired has served is explained.
    causes.retain(|cause| !is_served_by_expired(context, cause));
    for cause in causes {
        context.explain(cause, counter, packets);
    }
    let is_cause = |it: &Cause<'_>| {
        matches!(it, Cause::NoSa { .. } | Cause::Expired(_) | Cause::WrongSource { .. })
    };
    if context.has(is_cause) {
        context.close(counter);
    }
}

fn cause<'a>(context: &Context<'_>, lacking: &Lacking<'a>) -> Cause<'a> {
    let Lacking { policy, template, near, is_requested } = *lacking;
    Cause::NoSa { policy, template, near, is_requested, have_expired: have_expired(context) }
}

fn have_expired(context: &Context<'_>) -> bool {
    let counters = &context.observation.after.counters;
    let counted = |it| counters.get(it).unwrap_or(0) > 0;
    counted(Counter::OutStateExpired) || counted(Counter::InStateExpired)
}

/// The template of a packet for which the kernel has asked key managers.
fn of_acquire<'a>(context: &Context<'a>, acquire: &Acquire) -> Option<Cause<'a>> {
    let selector = &acquire.selector;
    let mut flow = Flow::new(selector.src().addr(), selector.dst().addr()).ok()?;
    flow.upper = Some(selector.upper.xfrm());
    (flow.src_port, flow.dst_port) = (Some(selector.src_port), Some(selector.dst_port));
    flow.mark = acquire.policy.policy.id.mark.value;
    flow.if_id = acquire.policy.policy.id.if_id;
    flow.device = selector.device.map_or(FlowDevice::Unknown, FlowDevice::Named);
    of_flow(context, &flow)
}

/// The templates without an SA of the packets that were captured before the kernel has dropped them: those to be
/// forwarded, and those that this host has to answer.
fn of_captured<'a>(context: &Context<'a>) -> Vec<Cause<'a>> {
    let observation = context.observation;
    let mut causes: Vec<Cause<'a>> = Vec::new();
    for (_, flow) in context.arrived_in_clear() {
        let is_forwarded = observation.host.forwards.contains(&flow.version());
        let is_for_here = observation.is_local(flow.dst());
        let leaving = if is_for_here { answer(&flow) } else { is_forwarded.then_some(flow) };
        let cause = leaving.and_then(|flow| of_flow(context, &flow));
        causes.extend(cause.filter(|it| !causes.contains(it)));
    }
    causes
}

/// The packet that answers. The type of an ICMP message is another one.
fn answer(flow: &Flow) -> Option<Flow> {
    let mut answer = Flow::new(flow.dst(), flow.src()).ok()?;
    answer.upper = flow.upper;
    if !matches!(flow.upper.map(Upper::Number), Some(Upper::ICMP | Upper::ICMPV6)) {
        (answer.src_port, answer.dst_port) = (flow.dst_port, flow.src_port);
    }
    Some(answer)
}

/// The template of a packet that no SA serves.
fn of_flow<'a>(context: &Context<'a>, flow: &Flow) -> Option<Cause<'a>> {
    let output = output(context.tables(), flow, None, &Surroundings::default());
    let policy = output.policy?;
    let is_known =
        matches!(output.verdict, Verdict::Dropped { .. } | Verdict::Unknown(Doubt::Fields(_)));
    let failed =
        output.templates.iter().find(|it| matches!(it.resolution, Resolution::Fails(_)))?;
    let template = policy.policy.action.templates().iter().find(|it| *it == failed.template)?;
    let near = failed.search.near.first().map(|near| (near.entry, near.field));
    let is_requested = failed.search.larval.is_some();
    let have_expired = have_expired(context);
    is_known.then_some(Cause::NoSa { policy, template, near, is_requested, have_expired })
}

fn is_served_by_expired(context: &Context<'_>, cause: &Cause<'_>) -> bool {
    let Cause::NoSa { policy, template, .. } = cause else { return false };
    let mut demands = Demand::of(&policy.policy.id, std::slice::from_ref(template));
    demands.any(|demand| {
        context
            .observation
            .expired
            .iter()
            .any(|gone| demand.is_served_by(&Offer::in_any_state(gone)))
    })
}

fn sequence(context: &mut Context<'_>) {
    let counter = Counter::OutStateSeqError;
    if context.left(counter) == 0 {
        return;
    }
    let mut sas = context.tables().sas.iter();
    let ended = sas.find(|entry| {
        let last = if entry.sa.esn { u64::MAX } else { u32::MAX.into() };
        entry.sa.replay_state.sent >= last
    });
    if let Some(sa) = ended {
        context.explain_all(Cause::Sequence(sa), counter);
    }
}

/// SAs that are found for packets the other way.
fn directions(context: &mut Context<'_>) {
    let counter = Counter::OutStateDirError;
    if context.left(counter) == 0 {
        return;
    }
    let mut sas = context.tables().sas.iter();
    let wrong = sas.find(|entry| {
        entry.sa.direction == Some(SaDirection::In)
            && context.observation.is_local(entry.sa.ends.src())
    });
    if let Some(sa) = wrong {
        context.explain_all(Cause::Refused(sa, explain::Reason::SaDirection), counter);
    }
}

fn discarded(context: &mut Context<'_>) {
    let (counter, start) = (Counter::OutPolBlock, context.observation.start);
    let packets = context.left(counter);
    if packets == 0 {
        return;
    }
    let is_used = |entry: &&PolicyEntry| {
        entry.policy.id.direction == Direction::Out
            && matches!(entry.policy.action, Action::Discard)
            && entry.current.was_used_since(start)
    };
    let mut used = context.tables().policies.iter().filter(is_used).peekable();
    if used.peek().is_some() {
        for policy in used {
            context.explain(Cause::Discards { policy, flow: None }, counter, packets);
        }
    } else if context.tables().catch_alls.iter().any(|it| it.1 == Direction::Out) {
        let direction = Direction::Out;
        let cause = Cause::DefaultDrops { direction, flow: None, is_kernels: false };
        context.explain_all(cause, counter);
    }
}
