//! What the counters have counted, and what of it is explained by packets.

use std::collections::BTreeMap;

use model::{Counter, CounterValues};

use crate::Error;

/// What was counted and is not explained yet.
pub struct Ledger {
    values: CounterValues,
    /// Since the last interval.
    new: BTreeMap<String, u64>,
    /// In the interval before: a packet may be reported some milliseconds after it was counted.
    old: BTreeMap<String, u64>,
}

impl Ledger {
    /// Begins with the counters as they are.
    pub fn open() -> Result<Self, Error> {
        let values = engine::counters()?;
        Ok(Self { values, new: BTreeMap::new(), old: BTreeMap::new() })
    }

    /// Reads the counters.
    pub fn read(&mut self) -> Result<(), Error> {
        let values = engine::counters()?;
        self.add(values);
        Ok(())
    }

    fn add(&mut self, values: CounterValues) {
        let change = values.since(&self.values);
        for (name, packets) in change.iter().filter(|(_, packets)| *packets > 0) {
            *self.new.entry(name.to_owned()).or_default() += packets;
        }
        self.values = values;
    }

    /// Takes a packet off each of these counters. Whether all of them had counted one.
    pub fn claim(&mut self, counters: &[Counter]) -> bool {
        let has = |it: &Counter| {
            [&self.old, &self.new].iter().any(|map| map.get(it.word()).is_some_and(|n| *n > 0))
        };
        let has_all = !counters.is_empty() && counters.iter().all(has);
        if has_all {
            for counter in counters {
                self.take(*counter);
            }
        }
        has_all
    }

    /// Takes a packet off the first of these counters that has counted one.
    pub fn claim_first(&mut self, counters: &[Counter]) -> Option<Counter> {
        counters.iter().copied().find(|counter| self.claim(&[*counter]))
    }

    /// Whether something is not explained.
    pub fn has_any(&self) -> bool {
        self.old.values().chain(self.new.values()).any(|packets| *packets > 0)
    }

    fn take(&mut self, counter: Counter) {
        let of = |map: &BTreeMap<String, u64>| map.get(counter.word()).copied().unwrap_or(0);
        let map = if of(&self.old) > 0 { &mut self.old } else { &mut self.new };
        if let Some(packets) = map.get_mut(counter.word()) {
            *packets -= 1;
        }
    }

    /// Ends an interval: what no packet has explained of the one before.
    pub fn end_interval(&mut self) -> Vec<(String, u64)> {
        let old = std::mem::replace(&mut self.old, std::mem::take(&mut self.new));
        old.into_iter().filter(|(_, packets)| *packets > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> CounterValues {
        CounterValues::parse(text).unwrap()
    }

    #[test]
    fn what_packets_explain_is_not_left() {
        let (old, new) = (BTreeMap::new(), BTreeMap::new());
        let mut ledger = Ledger { values: values("XfrmInNoStates 4\nXfrmInNoPols 0\n"), new, old };
        assert!(!ledger.claim(&[Counter::InNoStates]));
        ledger.add(values("XfrmInNoStates 7\nXfrmInNoPols 1\n"));
        assert!(!ledger.claim(&[Counter::InNoStates, Counter::InPolBlock]));
        assert!(ledger.has_any() && ledger.claim(&[Counter::InNoStates]) && !ledger.claim(&[]));
        assert_eq!(ledger.end_interval(), []);
        let either = [Counter::InPolBlock, Counter::InNoStates];
        assert_eq!(ledger.claim_first(&either), Some(Counter::InNoStates));
        let left = [("XfrmInNoPols".to_owned(), 1), ("XfrmInNoStates".to_owned(), 1)];
        assert!(ledger.has_any());
        assert_eq!(ledger.end_interval(), left);
        assert!(!ledger.has_any());
        assert_eq!(ledger.end_interval(), []);
    }
}
