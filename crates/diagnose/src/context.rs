use std::collections::HashMap;

use explain::{Flow, InputResult, Tables, decapsulate};
use model::{Counter, SaDirection, SaEntry, SaId, SaState};

use crate::{Cause, Conclusion, Observation, Seen, network::NetworkCounters};

/// So many findings of a kind at most: more are alike.
pub const MOST: usize = 1000;

/// So many kinds of packets in clear at most are looked up in the policies, the most frequent ones: a look-up takes as long
/// as the SPD is large.
pub const MOST_LOOK_UPS: usize = 256;

/// What an SA has done in the meantime.
#[derive(Debug, Clone, Copy)]
pub struct SaChange<'a> {
    pub sa: &'a SaEntry,
    pub packets: u64,
    pub integrity_failed: u64,
    pub replay: u64,
    pub replay_window: u64,
}

/// What rules conclude from, and what they have found.
pub struct Context<'a> {
    pub observation: &'a Observation,
    /// The SAs that have done anything.
    pub changes: HashMap<SaId, SaChange<'a>>,
    pub network: NetworkCounters,
    findings: Vec<Conclusion<'a>>,
    /// For each counter the packets that were counted and not explained yet.
    left: HashMap<Counter, u64>,
}

impl<'a> Context<'a> {
    pub fn new(observation: &'a Observation) -> Self {
        let counted = Counter::ALL.iter().map(|&it| (it, observation.counted(it)));
        Self {
            observation,
            changes: changes(observation),
            network: observation.network(),
            findings: Vec::new(),
            left: counted.filter(|(_, packets)| *packets > 0).collect(),
        }
    }

    pub fn tables(&self) -> &'a Tables {
        &self.observation.after.tables
    }

    /// The packets of a counter that no finding explains yet.
    pub fn left(&self, counter: Counter) -> u64 {
        self.left.get(&counter).copied().unwrap_or(0)
    }

    /// Adds what explains so many packets of a counter.
    pub fn explain(&mut self, cause: Cause<'a>, counter: Counter, packets: u64) {
        let left = self.left.entry(counter).or_default();
        *left = left.saturating_sub(packets);
        let all = self.observation.counted(counter);
        self.add(Conclusion::observed(cause, packets).with(counter, all));
    }

    /// Adds what explains all packets of a counter.
    pub fn explain_all(&mut self, cause: Cause<'a>, counter: Counter) {
        self.explain(cause, counter, self.left(counter).max(1));
        self.close(counter);
    }

    /// What a counter has is explained.
    pub fn close(&mut self, counter: Counter) {
        self.left.remove(&counter);
    }

    /// Adds a finding. Packets for one cause are summed up.
    pub fn add(&mut self, finding: Conclusion<'a>) {
        match self.findings.iter_mut().find(|it| is_alike(&it.cause, &finding.cause)) {
            Some(known) => known.packets += finding.packets,
            None => self.findings.push(finding),
        }
    }

    pub fn has(&self, is: impl Fn(&Cause<'a>) -> bool) -> bool {
        self.findings.iter().any(|finding| is(&finding.cause))
    }

    /// What was found. Counters that no finding explains are findings themselves.
    pub fn finish(mut self) -> Vec<Conclusion<'a>> {
        for &counter in Counter::ALL {
            let left = self.left(counter);
            if left > 0 && !is_side_effect(counter, &self.findings) {
                let finding = Conclusion::observed(Cause::Counted(counter), left);
                self.findings.push(finding.with(counter, left));
            }
        }
        self.findings
    }

    /// Whether an SA is for received packets: its destination is here.
    pub fn is_inbound(&self, entry: &SaEntry) -> bool {
        match entry.sa.direction {
            Some(direction) => direction == SaDirection::In,
            None => self.observation.is_local(entry.sa.ends.dst()),
        }
    }

    /// The packets that an SA has transformed in the meantime.
    pub fn transformed(&self, entry: &SaEntry) -> u64 {
        self.changes.get(&entry.sa.id()).map_or(0, |change| change.packets)
    }

    /// The SAs that have received packets in the meantime.
    pub fn receiving(&self) -> Vec<&'a SaEntry> {
        let changes = self.changes.values();
        let receiving = changes.filter(|it| it.packets > 0 && self.is_inbound(it.sa));
        let mut sas: Vec<_> = receiving.map(|it| it.sa).collect();
        sas.sort_by_key(|entry| (entry.sa.spi.0, entry.sa.ends.dst()));
        sas
    }

    /// The packets with headers of IPsec that have come to this host, and what their headers name.
    pub fn arrived(&self) -> Vec<(&'a Seen, InputResult<'a>)> {
        let observation = self.observation;
        let arrived = observation.packets().filter(|seen| {
            let packet = &seen.packet;
            !packet.is_outgoing && !packet.is_clear() && observation.is_local(packet.ends.1)
        });
        let tables = self.tables();
        arrived
            .map(|seen| (seen, decapsulate(&tables.sas, &seen.packet.arrivals, 0, None)))
            .collect()
    }

    /// The packets in clear that have come to this host, and their flows. What was inside of a tunnel is among them.
    /// There are [`MOST_LOOK_UPS`] at most.
    pub fn arrived_in_clear(&self) -> impl Iterator<Item = (&'a Seen, Flow)> + use<'a> {
        let arrived = self.observation.packets().filter(|seen| {
            let packet = &seen.packet;
            !packet.is_outgoing && packet.is_clear() && !packet.ends.1.is_multicast()
        });
        arrived.filter_map(|seen| Some((seen, seen.packet.flow?))).take(MOST_LOOK_UPS)
    }

    /// Whether an SA has taken the place of one that is gone.
    pub fn is_replaced(&self, gone: &SaEntry) -> bool {
        let own = &gone.sa;
        self.tables().sas.iter().any(|entry| {
            let sa = &entry.sa;
            (sa.ends, sa.proto, sa.mode.installed()) == (own.ends, own.proto, own.mode.installed())
                && (sa.reqid, sa.mark, sa.if_id) == (own.reqid, own.mark, own.if_id)
                && matches!(entry.state, SaState::Mature | SaState::Dying)
        })
    }
}

fn changes(observation: &Observation) -> HashMap<SaId, SaChange<'_>> {
    let before: HashMap<_, _> =
        observation.before.tables.sas.iter().map(|entry| (entry.sa.id(), entry)).collect();
    let changes = observation.after.tables.sas.iter().filter_map(|sa| {
        let earlier = before.get(&sa.sa.id()).filter(|it| it.current.packets <= sa.current.packets);
        let since = |of: fn(&SaEntry) -> u64| of(sa).saturating_sub(earlier.map_or(0, |it| of(it)));
        let change = SaChange {
            sa,
            packets: since(|it| it.current.packets),
            integrity_failed: since(|it| it.stats.integrity_failed.into()),
            replay: since(|it| it.stats.replay.into()),
            replay_window: since(|it| it.stats.replay_window.into()),
        };
        let sum = change.packets + change.integrity_failed + change.replay + change.replay_window;
        (sum > 0).then(|| (sa.sa.id(), change))
    });
    changes.collect()
}

/// Whether two causes differ in the packet that was captured alone.
fn is_alike(one: &Cause<'_>, other: &Cause<'_>) -> bool {
    match (one, other) {
        (Cause::InClear { policy: a, .. }, Cause::InClear { policy: b, .. })
        | (Cause::NoForward { policy: a, .. }, Cause::NoForward { policy: b, .. })
        | (Cause::Discards { policy: a, .. }, Cause::Discards { policy: b, .. })
        | (Cause::NoRouteOf { policy: a, .. }, Cause::NoRouteOf { policy: b, .. })
        | (Cause::LeavesInClear { policy: a, .. }, Cause::LeavesInClear { policy: b, .. }) => {
            a.index == b.index
        }
        (
            Cause::PassesInClear { by: a, policy: of_a, .. },
            Cause::PassesInClear { by: b, policy: of_b, .. },
        ) => (a.index, of_a.index) == (b.index, of_b.index),
        (
            Cause::NoAnswer { policy: a, flow: of_a, .. },
            Cause::NoAnswer { policy: b, flow: of_b, .. },
        ) => (a.index, of_a.dst()) == (b.index, of_b.dst()),
        (
            Cause::WithoutXfrm { device: a, policy: of_a, .. },
            Cause::WithoutXfrm { device: b, policy: of_b, .. },
        ) => (a, of_a.index) == (b, of_b.index),
        (
            Cause::Mismatch { policy: a, sa: of_a, .. },
            Cause::Mismatch { policy: b, sa: of_b, .. },
        ) => a.index == b.index && of_a.sa.id() == of_b.sa.id(),
        (Cause::NoInbound { sa: a, .. }, Cause::NoInbound { sa: b, .. }) => a.sa.id() == b.sa.id(),
        (
            Cause::DefaultDrops { direction: a, is_kernels: of_a, .. },
            Cause::DefaultDrops { direction: b, is_kernels: of_b, .. },
        ) => (a, of_a) == (b, of_b),
        (
            Cause::TooBig { mtu: a, router: at_a, .. },
            Cause::TooBig { mtu: b, router: at_b, .. },
        ) => (a, at_a) == (b, at_b),
        (one, other) => one == other,
    }
}

/// Whether a counter is raised beside another one whose packets are explained.
fn is_side_effect(counter: Counter, findings: &[Conclusion<'_>]) -> bool {
    // A direction that is wrong is counted as an error of the policy, too.
    let is_counted =
        |other| findings.iter().any(|finding| finding.counters.iter().any(|(it, _)| *it == other));
    match counter {
        Counter::OutPolError => {
            is_counted(Counter::OutStateDirError) || is_counted(Counter::OutNoStates)
        }
        Counter::OutError | Counter::OutStateModeError => {
            findings.iter().any(|finding| matches!(finding.cause, Cause::TooBig { .. }))
        }
        _ => false,
    }
}
