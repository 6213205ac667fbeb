//! What has happened between two samples.

use std::{
    cmp::Reverse,
    collections::{HashMap, VecDeque},
    iter::repeat_n,
    time::Duration,
};

use super::sample::{LimitUse, PolicySample, RowKey, SaSample, TopSample};

/// Intervals that are kept of an entry.
pub const MOST_KEPT: usize = 32;

/// Entries of which intervals are kept: further ones have no sparkline.
const MOST_ENTRIES: usize = 20_000;

/// Of an SA or policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub key: RowKey,
    pub name: String,
    /// Bytes a second.
    pub bytes: u64,
    /// Packets a second.
    pub packets: u64,
    /// Packets that the SAs have dropped since they were added.
    pub failed: u64,
    pub limit: Option<LimitUse>,
    /// Bytes a second in the last intervals, oldest first; empty if there were none.
    pub history: Vec<u64>,
    /// Of a policy: how many SAs serve it.
    pub sas: Option<usize>,
}

/// A counter of dropped packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drops {
    pub counter: String,
    pub packets: u64,
    /// In the interval.
    pub change: u64,
}

/// Everything that has happened in an interval.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates {
    pub interval: Duration,
    pub sas: Vec<Row>,
    pub policies: Vec<Row>,
    /// Those that are not 0, the largest change first.
    pub drops: Vec<Drops>,
    /// Bytes a second of all SAs that are shown.
    pub total: u64,
    /// The same of the last intervals, oldest first.
    pub total_history: Vec<u64>,
}

/// The last intervals.
#[derive(Debug, Default)]
pub struct History {
    of: HashMap<RowKey, VecDeque<u64>>,
    total: VecDeque<u64>,
}

/// What an SA has done in an interval.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    bytes: u64,
    packets: u64,
}

impl History {
    /// What has happened from one sample to the next.
    pub fn next(&mut self, before: &TopSample, now: &TopSample) -> Rates {
        let interval = now.at.saturating_duration_since(before.at);
        let changes = changes(before, now);
        let sas = now.sas.iter().zip(&changes).filter(|(sa, _)| sa.is_shown);
        let sas: Vec<_> = sas.map(|(sa, change)| of_sa(sa, *change, interval)).collect();
        let policies = now.policies.iter();
        let policies = policies.map(|it| of_policy(it, (before, now), &changes, interval));
        let policies: Vec<_> = policies.collect();
        let total = sas.iter().map(|row| row.bytes).sum();
        keep(&mut self.total, total);
        let mut rates = Rates {
            interval,
            sas,
            policies,
            drops: drops(before, now),
            total,
            total_history: self.total.iter().copied().collect(),
        };
        self.add_to(&mut rates);
        rates
    }

    /// Keeps the interval of each row that has transformed something lately, and forgets what is gone.
    fn add_to(&mut self, rates: &mut Rates) {
        let mut of = HashMap::new();
        for row in rates.sas.iter_mut().chain(&mut rates.policies) {
            let known = self.of.remove(&row.key);
            if (known.is_none() && row.bytes == 0) || of.len() == MOST_ENTRIES {
                continue;
            }
            let mut history = known.unwrap_or_default();
            keep(&mut history, row.bytes);
            if history.iter().any(|bytes| *bytes > 0) {
                row.history = history.iter().copied().collect();
                of.insert(row.key.clone(), history);
            }
        }
        self.of = of;
    }
}

fn keep(history: &mut VecDeque<u64>, bytes: u64) {
    if history.is_empty() {
        history.extend(repeat_n(0, MOST_KEPT));
    }
    history.pop_front();
    history.push_back(bytes);
}

/// What each SA has done. One that is new, or was added again, has counted from 0.
fn changes(before: &TopSample, now: &TopSample) -> Vec<Change> {
    let earlier: HashMap<_, _> = before.sas.iter().map(|sa| (sa.id, sa)).collect();
    let since = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
    let change = |sa: &SaSample| {
        let (bytes, packets) = earlier.get(&sa.id).map_or((0, 0), |it| (it.bytes, it.packets));
        Change { bytes: since(sa.bytes, bytes), packets: since(sa.packets, packets) }
    };
    now.sas.iter().map(change).collect()
}

fn of_sa(sa: &SaSample, change: Change, interval: Duration) -> Row {
    Row {
        key: RowKey::Sa(sa.id),
        name: sa.name.clone(),
        bytes: a_second(change.bytes, interval),
        packets: a_second(change.packets, interval),
        failed: sa.failed,
        limit: sa.limit,
        history: Vec::new(),
        sas: None,
    }
}

fn of_policy(
    policy: &PolicySample,
    (before, now): (&TopSample, &TopSample),
    changes: &[Change],
    interval: Duration,
) -> Row {
    // Policies may have the same SAs, as a forward copy has: one that no packet has passed has none of theirs.
    let is_used = policy.use_time.may_be_since(before.second);
    let sas = if is_used { &policy.sas[..] } else { &[] };
    let sum = |of: fn(&Change) -> u64| sas.iter().map(|at| of(&changes[*at])).sum();
    Row {
        key: RowKey::Policy(policy.index),
        name: policy.name.clone(),
        bytes: a_second(sum(|it| it.bytes), interval),
        packets: a_second(sum(|it| it.packets), interval),
        failed: policy.sas.iter().map(|at| now.sas[*at].failed).sum(),
        limit: policy.limit,
        history: Vec::new(),
        sas: Some(policy.sas.len()),
    }
}

fn drops(before: &TopSample, now: &TopSample) -> Vec<Drops> {
    let drops = now.counters.iter().filter(|(_, packets)| *packets > 0).map(|(name, packets)| {
        let earlier = before.counters.by_name(name).unwrap_or_default();
        Drops { counter: name.to_owned(), packets, change: packets.saturating_sub(earlier) }
    });
    let mut drops: Vec<_> = drops.collect();
    drops.sort_by_key(|it| Reverse((it.change, it.packets)));
    drops
}

/// Rounded; something is never nothing.
fn a_second(count: u64, interval: Duration) -> u64 {
    let millis = interval.as_millis().max(1);
    let rate = (u128::from(count) * 1000 + millis / 2) / millis;
    u64::try_from(rate).unwrap_or(u64::MAX).max(u64::from(count > 0))
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU64, time::Instant};

    use model::{CounterValues, Mark, Proto, SaId, Spi};

    use super::*;
    use crate::top::sample::UseTime;

    fn sa(spi: u32, bytes: u64, failed: u64) -> SaSample {
        let dst = [192, 0, 2, 2].into();
        SaSample {
            id: SaId { dst, proto: Proto::Esp, spi: Spi(spi), mark: Mark::default() },
            name: format!("esp {spi:#x}"),
            bytes,
            packets: bytes / 100,
            failed,
            limit: None,
            is_shown: true,
        }
    }

    fn sample(at: Instant, sas: Vec<SaSample>, counters: &str) -> TopSample {
        let (name, limit) = ("out".to_owned(), None);
        let policies = vec![PolicySample {
            index: 9,
            name,
            limit,
            sas: vec![0, 1],
            use_time: UseTime::Unknown,
        }];
        let counters = CounterValues::parse(counters).unwrap();
        TopSample { at, second: 1000, sas, policies, counters }
    }

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn an_sa_that_was_added_again_has_counted_from_0() {
        let start = Instant::now();
        let mut history = History::default();
        let first = sample(start, vec![sa(1, 1000, 0), sa(2, 5000, 0)], "XfrmInError 0\n");
        let second = sample(at(start, 2), vec![sa(1, 3000, 1), sa(2, 400, 2)], "XfrmInError 4\n");
        let rates = history.next(&first, &second);
        let bytes: Vec<_> = rates.sas.iter().map(|row| (row.bytes, row.packets)).collect();
        assert_eq!(bytes, [(1000, 10), (200, 2)]);
        // A policy has what its SAs have.
        let [policy] = &rates.policies[..] else { panic!("one policy") };
        assert_eq!((policy.bytes, policy.failed, policy.sas), (1200, 3, Some(2)));
        assert_eq!((rates.total, rates.total_history[MOST_KEPT - 1]), (1200, 1200));
        let [drops] = &rates.drops[..] else { panic!("one counter") };
        assert_eq!((drops.packets, drops.change), (4, 4));
    }

    #[test]
    fn a_policy_that_no_packet_has_passed_has_none_of_its_sas() {
        let start = Instant::now();
        let first = sample(start, vec![sa(1, 0, 0), sa(2, 0, 0)], "");
        let mut second = sample(at(start, 1), vec![sa(1, 500, 0), sa(2, 0, 0)], "");
        let mut bytes = |use_time| {
            second.policies[0].use_time = use_time;
            History::default().next(&first, &second).policies[0].bytes
        };
        assert_eq!(bytes(UseTime::Unknown), 500);
        assert_eq!(bytes(UseTime::Known(None)), 0);
        assert_eq!([999, 1000].map(|time| bytes(UseTime::Known(NonZeroU64::new(time)))), [0, 500]);
    }

    #[test]
    fn little_is_not_nothing() {
        assert_eq!(a_second(1, Duration::from_secs(60)), 1);
        assert_eq!(a_second(0, Duration::from_secs(60)), 0);
        assert_eq!(a_second(3, Duration::from_millis(500)), 6);
        assert_eq!(a_second(7, Duration::ZERO), 7000);
    }

    #[test]
    fn what_is_kept_is_bounded_and_ends_with_the_sa() {
        let start = Instant::now();
        let mut history = History::default();
        let mut before = sample(start, vec![sa(1, 0, 0), sa(2, 0, 0)], "");
        for second in 1..100 {
            let now = sample(at(start, second), vec![sa(1, second * 10, 0), sa(2, 0, 0)], "");
            let rates = history.next(&before, &now);
            assert_eq!(rates.sas[0].history.len(), MOST_KEPT);
            assert!(rates.sas[1].history.is_empty(), "an idle SA takes no memory");
            before = now;
        }
        // The SA and the policy that it serves.
        assert_eq!(history.of.len(), 2);
        let mut now = sample(at(start, 100), vec![sa(3, 0, 0), sa(4, 0, 0)], "");
        now.policies.clear();
        history.next(&before, &now);
        assert!(history.of.is_empty());
    }
}
