//! Which policy or SA has dropped a packet: what the tables explain, as far as the counters confirm it.

use drop_monitor::Alert;
use explain::{
    Arrival, Explanation, Flow, Surroundings, Tables, Verdict, explain_forwarded, explain_in,
    explain_out,
};
use model::{Action, Counter, Direction, PolicyEntry, SaEntry};

use super::{cause::DropCause, head::Head, ledger::Ledger, reasons, watched::Watched};
use crate::explain::{remedy, text};

/// The most policies, SAs and near ones that are named.
const MOST_NAMED: usize = 3;

/// Counters of what happens within an SA, which tables do not show.
const WITHIN_AN_SA: [Counter; 10] = [
    Counter::InStateProtoError,
    Counter::InStateSeqError,
    Counter::InStateExpired,
    Counter::InStateModeError,
    Counter::InStateMismatch,
    Counter::InStateInvalid,
    Counter::InStateDirError,
    Counter::InHdrError,
    Counter::InBufferError,
    Counter::InError,
];

/// The cause of one packet of this direction.
pub fn of_packet(
    head: &Head,
    alert: &Alert,
    direction: Direction,
    watched: &Watched,
    ledger: &mut Ledger,
) -> DropCause {
    let explanations = explanations(head, direction, watched);
    let is_counted = |it: &&Explanation<'_>| match it.verdict {
        Verdict::Dropped { counters, .. } => ledger.claim(counters),
        _ => false,
    };
    if let Some(explanation) = explanations.iter().find(is_counted) {
        return explained(explanation, watched);
    }
    let Some(first) = explanations.first() else { return DropCause::default() };
    let mut cause = named(first, watched);
    let has_sa = !cause.sas.is_empty() && !head.captured.arrivals.is_empty();
    let counter = (has_sa || reasons::is_of_ipsec(alert))
        .then(|| ledger.claim_first(&WITHIN_AN_SA))
        .flatten();
    if let Some(counter) = counter {
        count(&mut cause, counter);
        return cause;
    }
    if matches!(first.verdict, Verdict::Dropped { .. }) && !reasons::is_of_ipsec(alert) {
        // It would be, and was not: it is another namespace's.
        return DropCause { flow: cause.flow, ..DropCause::default() };
    }
    let known = reasons::known(alert, head, &cause);
    cause.message = match known {
        Some(known) => {
            cause.remedy = known.remedy;
            known.message
        }
        None => format!("{} No counter of XFRM was raised.", text::verdict(first)),
    };
    cause
}

/// Has a counter explain a packet.
fn count(cause: &mut DropCause, counter: Counter) {
    cause.counters = vec![counter.word().to_owned()];
    cause.message = of_counter(counter);
    cause.remedy = Some(counter.remedy().to_owned());
}

/// The meaning of a counter and its likely cause, in two sentences.
pub fn of_counter(counter: Counter) -> String {
    format!("{}: {}. Likely cause: {}.", counter.word(), counter.meaning(), counter.cause())
}

/// What may have become of a packet, the most likely first.
fn explanations<'a>(
    head: &Head,
    direction: Direction,
    watched: &'a Watched,
) -> Vec<Explanation<'a>> {
    let (tables, flow) = (&watched.tables, head.captured.flow);
    let explain = |arrivals: &[Arrival]| in_direction(tables, direction, arrivals, flow);
    let arrivals = &head.captured.arrivals;
    if arrivals.is_empty() {
        // A packet that came through a tunnel does not show it.
        let through = watched.used().filter_map(|entry| explain(&[arrival_by(entry)]));
        let through = through.filter(|it| it.verdict != Verdict::Clear).take(2 * MOST_NAMED);
        return through.filter(|it| has_mismatch(it)).chain(explain(&[])).collect();
    }
    // The window has the number already, if the packet has come as far as a policy.
    let unnumbered = arrivals.iter().map(|it| Arrival { sequence: None, ..*it });
    let unnumbered = unnumbered.collect::<Vec<_>>();
    explain(&unnumbered).into_iter().chain(explain(arrivals)).collect()
}

/// The explanation of a packet whose policy is looked up by `flow`.
pub fn in_direction<'a>(
    tables: &'a Tables,
    direction: Direction,
    arrivals: &[Arrival],
    flow: Option<Flow>,
) -> Option<Explanation<'a>> {
    let surroundings = &Surroundings::default();
    match direction {
        Direction::In => Some(explain_in(tables, arrivals, flow, 0, None, surroundings)),
        Direction::Fwd => Some(explain_forwarded(tables, arrivals, flow, 0, surroundings)),
        Direction::Out => flow.map(|flow| explain_out(tables, flow, None, surroundings)),
    }
}

/// The header of a packet that has come through an SA.
pub fn arrival_by(SaEntry { sa, .. }: &SaEntry) -> Arrival {
    let (proto, dst) = (Some(sa.proto), Some(sa.ends.dst()));
    let encapsulation = Some(sa.encap.map(|own| own.kind));
    Arrival {
        spi: sa.spi,
        proto,
        dst,
        sequence: None,
        encapsulation,
        integrity: None,
        inside: None,
    }
}

/// Whether a packet is dropped because of an SA that it has come through, or by no policy.
pub fn has_mismatch(explanation: &Explanation<'_>) -> bool {
    let Some(check) = &explanation.check else { return false };
    let is_dropped = matches!(check.verdict, Verdict::Dropped { .. });
    is_dropped
        && (check.policy.is_none()
            || check.outside.is_some()
            || check.surplus.is_some()
            || check.templates.iter().any(|it| !it.mismatches.is_empty()))
}

/// The cause that an explanation has.
pub fn explained(explanation: &Explanation<'_>, watched: &Watched) -> DropCause {
    let mut cause = named(explanation, watched);
    cause.message = text::verdict(explanation);
    cause.remedy = remedy::of(explanation, None);
    if let Verdict::Dropped { counters, .. } = explanation.verdict {
        cause.counters = counters.iter().map(|it| it.word().to_owned()).collect();
    }
    cause
}

/// The policies and SAs of an explanation, and those that are not there any more.
fn named(explanation: &Explanation<'_>, watched: &Watched) -> DropCause {
    let mut cause = DropCause { flow: explanation.flow, ..DropCause::default() };
    let check = explanation.check.as_ref();
    let output = explanation.output.as_ref();
    let policies =
        check.and_then(|it| it.policy).into_iter().chain(output.and_then(|it| it.policy));
    let matters = |it: &&PolicyEntry| !matches!(it.policy.action, Action::None);
    cause.policies = policies.filter(matters).cloned().collect();
    let headers = explanation.input.iter().flat_map(|input| &input.headers);
    let (mut sas, mut near) = (Vec::new(), Vec::new());
    for header in headers {
        sas.extend(header.sa);
        if header.sa.is_none() {
            near.extend(&header.near);
            near.extend(watched.gone().filter(|it| it.sa.spi == header.arrival.spi));
        }
    }
    if let Some(check) = check {
        sas.extend(check.outside);
        sas.extend(check.surplus);
        let mismatches = check.templates.iter().flat_map(|it| &it.mismatches);
        near.extend(mismatches.map(|(entry, _)| *entry));
    }
    for template in output.iter().flat_map(|output| &output.templates) {
        let search = &template.search;
        sas.extend(search.found.or(search.spi_taken));
        if search.found.is_none() {
            near.extend(search.near.iter().map(|it| it.entry));
        }
    }
    cause.sas = several(sas);
    near.retain(|entry| !cause.sas.iter().any(|sa| sa.sa.id() == entry.sa.id()));
    cause.near = several(near);
    cause
}

/// The first few, each once.
fn several(entries: Vec<&SaEntry>) -> Vec<SaEntry> {
    let mut several = Vec::<SaEntry>::new();
    for entry in entries {
        if several.len() < MOST_NAMED && !several.iter().any(|it| it.sa.id() == entry.sa.id()) {
            several.push(entry.clone());
        }
    }
    several
}
