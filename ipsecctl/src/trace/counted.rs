//! What has raised a counter, when no packet was reported: a host's own packets are refused before they are made,
//! and there may be no drop monitor.

use explain::{Explanation, Flow, FlowDevice, Surroundings, Verdict, explain_out};
use model::{Action, Counter, Direction, Mode, PolicyEntry, SaDirection, SaEntry, SaStats, Upper};

use super::{
    attribution::{arrival_by, explained, has_mismatch, in_direction, of_counter},
    cause::DropCause,
    watched::Watched,
};

/// The most policies that are tried.
const MOST_TRIED: usize = 256;

/// The most policies and SAs that are named.
const MOST_NAMED: usize = 3;

/// A packet uses a policy in the seconds before the counter is read.
const LATELY: u64 = 3;

/// The cause of what a counter of this name has counted. Without privilege there are no tables.
pub fn of_counter_named(name: &str, watched: Option<&Watched>) -> DropCause {
    let known = name.parse::<Counter>().ok();
    let mut cause = match (known, watched) {
        (Some(counter), Some(watched)) => of_tables(counter, watched),
        _ => DropCause::default(),
    };
    cause.counters = vec![name.to_owned()];
    if cause.message.is_empty() {
        cause.message =
            known.map_or_else(|| format!("{name}: a counter of a newer kernel."), of_counter);
    }
    if cause.remedy.is_none() {
        cause.remedy = known.map(|counter| counter.remedy().to_owned());
    }
    cause
}

fn of_tables(counter: Counter, watched: &Watched) -> DropCause {
    match counter {
        Counter::InStateProtoError => failed(watched, |stats| stats.integrity_failed),
        Counter::InStateSeqError => failed(watched, |stats| stats.replay + stats.replay_window),
        Counter::InTmplMismatch => mismatched(watched),
        Counter::InPolBlock => used_policies(counter, watched),
        Counter::InNoPols => received(watched),
        Counter::InNoStates | Counter::InStateExpired | Counter::InStateInvalid => gone(watched),
        Counter::OutError
        | Counter::OutBundleGenError
        | Counter::OutStateModeError
        | Counter::OutStateProtoError => sent(watched),
        _ if counter.direction() == Direction::Out => outbound(counter, watched),
        _ => DropCause::default(),
    }
}

/// The SAs that have counted failures.
fn failed(watched: &Watched, number: impl Fn(SaStats) -> u32) -> DropCause {
    let failures = watched.failures().filter(|(_, stats)| number(*stats) > 0);
    let failures = failures.take(MOST_NAMED).collect::<Vec<_>>();
    let words = failures.iter().map(|(entry, stats)| {
        format!("{} {:#x}: {}", entry.sa.proto.word(), entry.sa.spi.0, failure_words(*stats))
    });
    let words = words.collect::<Vec<_>>().join("; ");
    let message = if words.is_empty() { words } else { format!("The SA has counted {words}.") };
    DropCause {
        sas: failures.into_iter().map(|(entry, _)| entry.clone()).collect(),
        message,
        ..DropCause::default()
    }
}

/// `integrity_failed 3, replay 2`, as the members of JSON.
fn failure_words(stats: SaStats) -> String {
    let numbers = [
        ("integrity_failed", stats.integrity_failed),
        ("replay", stats.replay),
        ("replay_window", stats.replay_window),
    ];
    let counted = numbers.iter().filter(|(_, number)| *number > 0);
    let words = counted.map(|(name, number)| format!("{name} {number}"));
    words.collect::<Vec<_>>().join(", ")
}

/// The policies for `in` and `fwd` that packets have used just now, and that drop.
fn used_policies(counter: Counter, watched: &Watched) -> DropCause {
    let drops = |it: &&PolicyEntry| match &it.policy.action {
        Action::Discard => counter == Counter::InPolBlock,
        Action::Ipsec(_) => counter == Counter::InTmplMismatch,
        Action::None => false,
    };
    let policies = watched.tables.policies.iter().filter(|it| is_used(it) && drops(it));
    let inbound = policies.filter(|it| it.policy.id.direction != Direction::Out);
    DropCause { policies: inbound.take(MOST_NAMED).cloned().collect(), ..DropCause::default() }
}

/// The policies for `in` and `fwd` with templates, and the SAs that packets have come through and that are not those
/// of the templates.
fn mismatched(watched: &Watched) -> DropCause {
    let cause = used_policies(Counter::InTmplMismatch, watched);
    for entry in &cause.policies {
        let (direction, flow) = (entry.policy.id.direction, flow_of(entry));
        let through = watched.used().filter_map(|sa| {
            in_direction(&watched.tables, direction, &[arrival_by(sa)], flow).filter(has_mismatch)
        });
        if let Some(explanation) = through.take(MOST_TRIED).next() {
            return DropCause { flow: None, ..explained(&explanation, watched) };
        }
    }
    cause
}

/// The SAs in a tunnel's mode that packets have come through.
fn received(watched: &Watched) -> DropCause {
    let is_tunnel = |it: &&SaEntry| it.sa.mode.installed() == Mode::Tunnel;
    let is_inbound =
        |it: &&SaEntry| it.sa.direction == Some(SaDirection::In) || it.sa.replay_state.received > 0;
    let sas = watched.used().filter(is_tunnel).filter(is_inbound);
    DropCause { sas: sas.take(MOST_NAMED).cloned().collect(), ..DropCause::default() }
}

fn is_used(entry: &PolicyEntry) -> bool {
    let now = sys::clock::unix_seconds();
    entry.current.use_time.is_some_and(|used| now.saturating_sub(used.get()) <= LATELY)
}

/// The SAs that are not there any more.
fn gone(watched: &Watched) -> DropCause {
    let near = watched.gone().take(MOST_NAMED).cloned().collect::<Vec<_>>();
    DropCause { near, ..DropCause::default() }
}

/// The policies and SAs by which packets have left just now.
fn sent(watched: &Watched) -> DropCause {
    let policies = watched.tables.policies.iter();
    let outbound = policies.filter(|it| it.policy.id.direction == Direction::Out && is_used(it));
    let mut cause = DropCause::default();
    for entry in outbound.take(MOST_NAMED) {
        let explanation = flow_of(entry)
            .map(|flow| explain_out(&watched.tables, flow, None, &Surroundings::default()));
        if let Some(Verdict::Protected(sas)) = explanation.map(|it| it.verdict) {
            cause.sas.extend(sas.into_iter().cloned());
            cause.policies.push(entry.clone());
        }
    }
    cause
}

/// The policies for `out` whose packets raise this counter.
fn outbound(counter: Counter, watched: &Watched) -> DropCause {
    let is_raised = |it: &Explanation<'_>| match it.verdict {
        Verdict::Dropped { counters, .. } => counters.contains(&counter),
        _ => false,
    };
    let policies = watched.tables.policies.iter();
    let outbound = policies.filter(|it| it.policy.id.direction == Direction::Out);
    let flows = outbound.take(MOST_TRIED).filter_map(flow_of);
    let explanations =
        flows.map(|flow| explain_out(&watched.tables, flow, None, &Surroundings::default()));
    let mut suspects = explanations.filter(is_raised).collect::<Vec<_>>();
    // A policy that is used is the likelier one. The kernel notes no use of one that needs an SA which is missing.
    if counter == Counter::OutPolBlock {
        suspects.retain(|it| it.output.as_ref().and_then(|it| it.policy).is_none_or(is_used));
    }
    let count = suspects.len();
    let Some(first) = suspects.first() else { return DropCause::default() };
    let mut cause = explained(first, watched);
    cause.flow = None;
    if count > 1 {
        cause.message = format!("One of {count} policies. {}", cause.message);
        for other in &suspects[1..count.min(MOST_NAMED)] {
            cause.policies.extend(explained(other, watched).policies);
        }
    }
    cause
}

/// A packet that a policy is for: the first of its addresses.
fn flow_of(entry: &PolicyEntry) -> Option<Flow> {
    let id = &entry.policy.id;
    let selector = &id.selector;
    let mut flow = Flow::new(selector.src().addr(), selector.dst().addr()).ok()?;
    flow.upper = Some(match selector.upper {
        Upper::Any => Upper::UDP.xfrm(),
        Upper::Number(number) => number,
    });
    (flow.src_port, flow.dst_port) = (Some(selector.src_port), Some(selector.dst_port));
    flow.device = selector.device.map_or(FlowDevice::Unknown, FlowDevice::Named);
    (flow.if_id, flow.mark) = (id.if_id, id.mark.value);
    Some(flow)
}
