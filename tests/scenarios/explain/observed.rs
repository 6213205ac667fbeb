//! What becomes of a packet, as it is explained and as it is seen.

use std::collections::{BTreeMap, BTreeSet};

use explain::{Explanation, Headers, Reason, Tables, Verdict};
use model::{CounterValues, Direction, SaEntry};

use super::generated::Case;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// It is received, or leaves.
    pub passes: bool,
    /// The counters that were raised.
    pub counters: BTreeMap<String, u64>,
    /// The indexes of the policies that were used; `None`: that is not compared.
    pub policies: Option<BTreeSet<u32>>,
    /// The SAs that have counted it, by SPI and mark; `None`: that is not compared.
    pub sas: Option<BTreeSet<String>>,
    /// Bytes, with the IP header, as it leaves.
    pub wire_length: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub packets: usize,
    pub bytes: usize,
}

impl Counts {
    pub fn since(self, before: &Self) -> Self {
        Self { packets: self.packets - before.packets, bytes: self.bytes - before.bytes }
    }
}

impl Observed {
    /// The changes of tables and counters.
    pub fn new(
        before: &Tables,
        after: &Tables,
        earlier: &CounterValues,
        later: &CounterValues,
    ) -> Self {
        let used = after.policies.iter().filter(|entry| entry.current.use_time.is_some());
        let packets = |tables: &Tables| {
            tables.sas.iter().map(|it| (name(it), it.current.packets)).collect::<BTreeMap<_, _>>()
        };
        let earlier_packets = packets(before);
        let counted = packets(after)
            .into_iter()
            .filter(|(name, packets)| earlier_packets.get(name).unwrap_or(&0) < packets);
        let counters = later.since(earlier);
        Self {
            passes: false,
            counters: counters
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
            policies: Some(used.map(|entry| entry.index).collect()),
            sas: Some(counted.map(|(name, _)| name).collect()),
            wire_length: None,
        }
    }

    /// Leaves out what is not expected of the other.
    pub fn forget_like(&mut self, expected: &Self) {
        if expected.policies.is_none() {
            self.policies = None;
        }
        if expected.sas.is_none() {
            self.sas = None;
        }
        if expected.wire_length.is_none() {
            self.wire_length = None;
        }
    }
}

fn name(entry: &SaEntry) -> String {
    format!("{:#x} {} {}", entry.sa.spi.0, entry.sa.mark, entry.sa.ends.dst())
}

/// What is explained.
pub fn predicted(explanation: &Explanation<'_>, case: &Case) -> Observed {
    let counters = match explanation.verdict {
        Verdict::Dropped { counters, .. } => counters,
        _ => &[],
    };
    let mut policies = BTreeSet::new();
    if let Some(check) = &explanation.check {
        policies.extend(check.policy.map(|entry| entry.index));
    }
    let (mut sas, mut wire_length) = (BTreeSet::new(), None);
    let mut are_sas_known = true;
    let received = explanation.input.iter().flat_map(|input| &input.path);
    sas.extend(received.map(|entry| name(entry)));
    if let Some(output) = &explanation.output {
        let is_used = match &output.verdict {
            Verdict::Dropped { reason, .. } => {
                matches!(reason, Reason::Policy | Reason::Expired | Reason::SequenceOverflow)
            }
            _ => true,
        };
        policies.extend(output.policy.filter(|_| is_used).map(|entry| entry.index));
        let length = case.payload + if case.flow.src().is_ipv4() { 28 } else { 48 };
        match &output.verdict {
            Verdict::Protected(used) => {
                sas.extend(used.iter().map(|entry| name(entry)));
                wire_length = Headers::of(&case.flow, used).wire_length(length);
            }
            Verdict::Clear => wire_length = Some(length),
            // SAs before the one that fails have counted it.
            Verdict::Dropped { reason, .. } => {
                are_sas_known = !matches!(reason, Reason::Expired | Reason::SequenceOverflow);
            }
            Verdict::Unknown(_) => {}
        }
    }
    debug_assert!(explanation.direction == case.direction);
    let passes = explanation.verdict.passes();
    Observed {
        passes,
        counters: counters.iter().map(|counter| (counter.word().to_owned(), 1)).collect(),
        // Of a second packet the first may have used another one.
        policies: (!case.is_second).then_some(policies),
        sas: are_sas_known.then_some(sas),
        wire_length: wire_length.filter(|_| passes && case.direction != Direction::In),
    }
}
