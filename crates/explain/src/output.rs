//! The way of a packet out of the host (`xfrm_lookup_with_ifid`, net/xfrm/xfrm_policy.c, and
//! `xfrm_output_one`, net/xfrm/xfrm_output.c).

use model::{Direction, MAX_DEPTH, Mode, PolicyEntry, Proto, SaEntry, SaFlags};

use crate::{
    Field, Fields, Flow, FlowDevice, Found, Lookup, Reason, Resolution, Resolved, Surroundings,
    Tables, Verdict, find_policy, policy::matches_socket, sa::has_reached_limit,
    templates::resolve, verdict::Doubt,
};

/// The policy of a packet that leaves, and its SAs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputResult<'a> {
    /// Whether its device has `disable_xfrm`: then no policy is looked up.
    pub is_exempt: bool,
    /// The policy of the socket, if it matches; then the SPD is not asked.
    pub socket: Option<&'a PolicyEntry>,
    /// The look-up in the SPD.
    pub lookup: Option<Lookup<'a>>,
    /// The policy.
    pub policy: Option<&'a PolicyEntry>,
    /// Its templates, up to the one that failed.
    pub templates: Vec<Resolved<'a>>,
    /// What becomes of the packet.
    pub verdict: Verdict<'a>,
}

impl<'a> OutputResult<'a> {
    /// Without a look-up.
    pub(crate) fn exempt(verdict: Verdict<'a>) -> Self {
        let (socket, lookup, policy, templates) = (None, None, None, Vec::new());
        Self { is_exempt: true, socket, lookup, policy, templates, verdict }
    }
}

/// Finds out what becomes of a packet that leaves.
#[must_use]
pub fn output<'a>(
    tables: &'a Tables,
    flow: &Flow,
    socket: Option<&'a PolicyEntry>,
    surroundings: &Surroundings<'_>,
) -> OutputResult<'a> {
    let socket = socket.filter(|entry| matches_socket(entry, flow));
    let is_exempt = socket.is_none() && flow.if_id.is_none() && surroundings.has_no_xfrm;
    let is_looked_up = socket.is_none() && !is_exempt;
    let lookup = is_looked_up.then(|| find_policy(tables, Direction::Out, flow));
    let found = lookup.as_ref().map(|lookup| lookup.found);
    let policy = socket.or(match found {
        Some(Found::Policy(entry)) => Some(entry),
        Some(Found::CatchAll | Found::Nothing) | None => None,
    });
    let templates = policy
        .filter(|entry| entry.policy.action.templates().len() < MAX_DEPTH)
        .map(|entry| resolve(tables, entry, flow, surroundings.source))
        .unwrap_or_default();
    let doubt = lookup.as_ref().and_then(Lookup::doubt).or_else(|| doubt_of_sas(&templates, flow));
    let verdict = if let Some(doubt) = doubt {
        Verdict::Unknown(doubt)
    } else {
        // A policy of a socket queues nothing: sending fails with EAGAIN.
        let is_uncounted = socket.is_some() || surroundings.waits_for_sa;
        let is_loopback = surroundings.is_loopback;
        let by_policy = verdict(tables, policy, found, &templates, (is_uncounted, is_loopback));
        by_sas(by_policy, flow, surroundings)
    };
    OutputResult { is_exempt, socket, lookup, policy, templates, verdict }
}

fn verdict<'a>(
    tables: &Tables,
    policy: Option<&'a PolicyEntry>,
    found: Option<Found<'a>>,
    templates: &[Resolved<'a>],
    (is_uncounted, is_loopback): (bool, bool),
) -> Verdict<'a> {
    let dropped = |reason| Verdict::dropped(reason, Direction::Out);
    let Some(entry) = policy else {
        return match found {
            Some(Found::CatchAll) => dropped(Reason::CatchAll),
            _ if tables.kernel_default.discards(Direction::Out) && !is_loopback => {
                dropped(Reason::KernelDefault)
            }
            _ => Verdict::Clear,
        };
    };
    let count = entry.policy.action.templates().len();
    if matches!(entry.policy.action, model::Action::Discard) {
        return dropped(Reason::Policy);
    }
    if count >= MAX_DEPTH {
        return dropped(Reason::TooManyTemplates);
    }
    let mut sas = Vec::new();
    for template in templates {
        match template.resolution {
            Resolution::Uses(sa) => sas.push(sa),
            Resolution::Skipped => {}
            Resolution::Fails(reason @ Reason::NoSa) if is_uncounted => {
                return Verdict::Dropped { reason, counters: &[] };
            }
            Resolution::Fails(reason) => return dropped(reason),
        }
    }
    if sas.is_empty() { Verdict::Clear } else { Verdict::Protected(sas) }
}

/// What becomes of a packet with these SAs: each tunnel needs a route before anything is transformed.
fn by_sas<'a>(verdict: Verdict<'a>, flow: &Flow, surroundings: &Surroundings<'_>) -> Verdict<'a> {
    let Verdict::Protected(sas) = &verdict else { return verdict };
    let mut tunnels = sas.iter().filter(|entry| entry.sa.mode.installed() != Mode::Transport);
    let unrouted = tunnels.find_map(|entry| (surroundings.tunnel_fault)(entry, flow.mark));
    match unrouted.or_else(|| faults(sas).next()) {
        Some(reason) => Verdict::dropped(reason, Direction::Out),
        None => verdict,
    }
}

/// Why SAs that were found do not transform the packet, in their order. One that serves two templates has counted the
/// packet when it transforms it again.
fn faults(sas: &[&SaEntry]) -> impl Iterator<Item = Reason> {
    sas.iter().enumerate().filter_map(|(place, entry)| {
        let times = sas[..place].iter().filter(|before| std::ptr::eq(**before, *entry)).count();
        if times == 0 {
            return fault_of(entry);
        }
        let times = u64::try_from(times).unwrap_or(u64::MAX);
        let mut counted = (*entry).clone();
        counted.current.packets = counted.current.packets.saturating_add(times);
        // Its length is not known: a byte at least.
        counted.current.bytes = counted.current.bytes.saturating_add(times);
        counted.sa.replay_state.sent = counted.sa.replay_state.sent.saturating_add(times);
        fault_of(&counted)
    })
}

/// Why an SA does not transform the packet (`xfrm_state_check_expire`, `xfrm_replay_overflow`).
fn fault_of(entry: &SaEntry) -> Option<Reason> {
    let sa = &entry.sa;
    let last = if sa.esn { u64::MAX } else { u32::MAX.into() };
    let has_sequence = matches!(sa.proto, Proto::Ah | Proto::Esp);
    if has_reached_limit(entry) {
        Some(Reason::Expired)
    } else if has_sequence
        && sa.replay_state.sent >= last
        && !sa.flags.contains(SaFlags::OSEQ_MAY_WRAP)
    {
        Some(Reason::SequenceOverflow)
    } else {
        None
    }
}

/// What is not known of the packet and decides on an SA.
fn doubt_of_sas<'a>(templates: &[Resolved<'_>], flow: &Flow) -> Option<Doubt<'a>> {
    let is_doubtful = templates.iter().any(|template| template.search.is_doubtful);
    is_doubtful.then(|| {
        Doubt::Fields(Fields::of([
            (Field::Protocol, flow.upper.is_none()),
            (Field::SrcPort, flow.src_port.is_none()),
            (Field::DstPort, flow.dst_port.is_none()),
            (Field::Device, flow.device == FlowDevice::Unknown),
            (Field::Cpu, flow.cpu.is_none() && templates.iter().any(|it| it.search.is_by_cpu)),
        ]))
    })
}

#[cfg(test)]
mod tests;
