//! What the kernel has counted at one moment.

use std::{num::NonZeroU64, time::Instant};

use engine::{Engine, EngineOptions};
use metrics::Offers;
use model::{
    CounterValues, Current, Demand, Direction, Lifetime, Policy, PolicyEntry, PolicyId, SaEntry,
    SaId,
};

use crate::{Error, filter::Filter, show::selector};

/// What names a row from one sample to the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RowKey {
    Sa(SaId),
    /// By its index.
    Policy(u32),
}

/// How much of the limit that is nearest was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitUse {
    /// `bytes`, `packets` or `time`.
    pub of: &'static str,
    /// From 0 to 100.
    pub percent: u8,
}

/// An SA at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaSample {
    pub id: SaId,
    pub name: String,
    pub bytes: u64,
    pub packets: u64,
    /// Packets that it has dropped.
    pub failed: u64,
    pub limit: Option<LimitUse>,
    /// Whether it has a row.
    pub is_shown: bool,
}

/// A policy at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySample {
    pub index: u32,
    pub name: String,
    pub limit: Option<LimitUse>,
    /// The places of the SAs that serve its first template: the kernel counts the packets of these alone.
    pub sas: Vec<usize>,
    /// When a packet has last passed it.
    pub use_time: UseTime,
}

/// When a packet has last passed a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseTime {
    /// In Unix seconds, if one has.
    Known(Option<NonZeroU64>),
    /// Not of every packet: of an outbound policy the route of a connection is kept, and a device may do the work.
    Unknown,
}

impl UseTime {
    /// `__xfrm_policy_check` notes the time of every packet that has arrived (net/xfrm/xfrm_policy.c).
    fn of(entry: &PolicyEntry) -> Self {
        let policy = &entry.policy;
        if policy.id.direction == Direction::Out || policy.offload.is_some() {
            return Self::Unknown;
        }
        Self::Known(entry.current.use_time)
    }

    /// Whether a packet may have passed since then, in Unix seconds.
    pub fn may_be_since(self, since: u64) -> bool {
        match self {
            Self::Known(time) => time.is_some_and(|time| time.get() >= since),
            Self::Unknown => true,
        }
    }
}

/// Everything at a moment.
#[derive(Debug, Clone)]
pub struct TopSample {
    pub at: Instant,
    /// When it was begun, in Unix seconds.
    pub second: u64,
    pub sas: Vec<SaSample>,
    pub policies: Vec<PolicySample>,
    pub counters: CounterValues,
}

/// Reads samples.
pub struct Reader {
    engine: Engine,
    filter: Filter,
}

impl Reader {
    pub fn open(filter: Filter) -> Result<Self, Error> {
        let engine = Engine::open(EngineOptions::default())?;
        Ok(Self { engine, filter })
    }

    /// Reads both tables and the counters. SAs that the filter leaves out count for their policies.
    pub fn read(&mut self) -> Result<TopSample, Error> {
        let now = sys::clock::unix_seconds();
        let (mut sas, mut offers) = (Vec::new(), Offers::default());
        for (number, entry) in self.engine.sas()?.enumerate() {
            let entry = entry?;
            offers.add(number, &entry);
            let is_shown = self.filter.has_sa_entry(&entry);
            sas.push(SaSample { is_shown, ..of_sa(&entry, now) });
        }
        let mut policies = Vec::new();
        for policy in self.engine.policies()? {
            let (requested, _) = policy?;
            if requested.socket || !self.filter.has_policy_entry(&requested) {
                continue;
            }
            let policy = &requested.policy;
            let demand = Demand::of(&policy.id, policy.action.templates()).next();
            let serving = demand.iter().flat_map(|it| offers.numbered(it)).map(|(_, at)| *at);
            policies.push(PolicySample {
                index: requested.index,
                name: policy_name(policy),
                limit: limit(&policy.lifetimes.hard, requested.current, now),
                sas: serving.collect(),
                use_time: UseTime::of(&requested),
            });
        }
        // A kernel without its statistics has no counters.
        let counters = engine::counters().unwrap_or_default();
        Ok(TopSample { at: Instant::now(), second: now, sas, policies, counters })
    }
}

fn of_sa(entry: &SaEntry, now: u64) -> SaSample {
    let sa = &entry.sa;
    let stats = entry.stats;
    let failed = [stats.integrity_failed, stats.replay, stats.replay_window];
    let (proto, spi, ends) = (sa.proto.word(), sa.spi.0, sa.ends);
    SaSample {
        id: sa.id(),
        name: format!("{proto} {spi:#x} {} > {}", ends.src(), ends.dst()),
        bytes: entry.current.bytes,
        packets: entry.current.packets,
        failed: failed.map(u64::from).iter().sum(),
        limit: limit(&sa.lifetimes.hard, entry.current, now),
        is_shown: true,
    }
}

fn policy_name(policy: &Policy) -> String {
    let PolicyId { selector, direction, .. } = &policy.id;
    let (mut src, mut dst, mut protocol) = (String::new(), String::new(), String::new());
    // A String takes all that is written.
    let _ = selector::src(selector, &mut src);
    let _ = selector::dst(selector, &mut dst);
    let _ = selector::protocol(selector, &mut protocol);
    format!("{} {src} > {dst} {protocol}", direction.word())
}

/// The hard limit of which the largest part was used.
fn limit(hard: &Lifetime, current: Current, now: u64) -> Option<LimitUse> {
    let since = |start: Option<NonZeroU64>| start.map_or(0, |it| now.saturating_sub(it.get()));
    let limits = [
        ("bytes", hard.bytes, current.bytes),
        ("packets", hard.packets, current.packets),
        ("time", hard.add_seconds, since(NonZeroU64::new(current.add_time))),
        ("time", hard.use_seconds, since(current.use_time)),
    ];
    let used = limits.into_iter().filter_map(|(of, most, used)| {
        let percent = u128::from(used) * 100 / u128::from(most?.get());
        Some(LimitUse { of, percent: u8::try_from(percent.min(100)).unwrap_or(100) })
    });
    used.max_by_key(|limit| limit.percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_limit_counts() {
        let hard = Lifetime::from_numbers([0, 1000, 3600, 0]);
        let current = Current { bytes: 250, packets: 7, add_time: 1000, use_time: None };
        let limit = |now| limit(&hard, current, now).map(|it| (it.of, it.percent));
        assert_eq!(limit(1036), Some(("bytes", 25)));
        assert_eq!(limit(2800), Some(("time", 50)));
        assert_eq!(limit(999_999), Some(("time", 100)));
        assert_eq!(super::limit(&Lifetime::default(), current, 2000), None);
    }
}
