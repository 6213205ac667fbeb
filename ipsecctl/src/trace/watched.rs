//! The tables, read again while packets are dropped, and what has changed in them.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use explain::Tables;
use model::{SaEntry, SaId, SaStats};

use crate::Error;

/// The least time between two readings.
const PAUSE: Duration = Duration::from_millis(100);

/// The pause after a reading, in times of what it took.
const PAUSES: u32 = 4;

/// The most SAs that are remembered after they have gone.
const MOST_GONE: usize = 64;

/// What an SA has counted.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    packets: u64,
    stats: SaStats,
}

type Counts = HashMap<SaId, Counted>;

/// The tables as they are now.
pub struct Watched {
    pub tables: Tables,
    /// SAs that are not there any more, latest first.
    gone: VecDeque<SaEntry>,
    /// At the end of the last interval.
    last: Counts,
    /// At the end of the one before.
    earlier: Counts,
    read: Instant,
    pause: Duration,
}

impl Watched {
    /// Reads the tables.
    pub fn read() -> Result<Self, Error> {
        let tables = crate::tables::all()?;
        let last = counts(&tables);
        let (read, pause) = (Instant::now(), PAUSE);
        Ok(Self { tables, gone: VecDeque::new(), earlier: last.clone(), last, read, pause })
    }

    /// Reads them again, unless they were read lately. Large tables are read less often.
    pub fn refresh(&mut self) -> Result<(), Error> {
        if self.read.elapsed() < self.pause { Ok(()) } else { self.read_again() }
    }

    /// Reads them again.
    pub fn read_again(&mut self) -> Result<(), Error> {
        let begin = Instant::now();
        let tables = crate::tables::all()?;
        let before = std::mem::replace(&mut self.tables, tables);
        let there = self.tables.sas.iter().map(|it| it.sa.id()).collect::<HashSet<_>>();
        self.gone.retain(|it| !there.contains(&it.sa.id()));
        for entry in before.sas.into_iter().filter(|it| !there.contains(&it.sa.id())) {
            self.gone.push_front(entry);
        }
        self.gone.truncate(MOST_GONE);
        self.read = Instant::now();
        self.pause = PAUSE.max(self.read.duration_since(begin) * PAUSES);
        Ok(())
    }

    /// Ends an interval: changes are since then.
    pub fn end_interval(&mut self) {
        self.earlier = std::mem::replace(&mut self.last, counts(&self.tables));
    }

    /// SAs that are not there any more, latest first.
    pub fn gone(&self) -> impl Iterator<Item = &SaEntry> {
        self.gone.iter()
    }

    /// The SAs that packets have used in this interval or the last.
    pub fn used(&self) -> impl Iterator<Item = &SaEntry> {
        self.tables.sas.iter().filter(|it| {
            let before = self.earlier.get(&it.sa.id()).map_or(0, |counted| counted.packets);
            it.current.packets > before
        })
    }

    /// The SAs that have dropped packets in this interval or the last, with the numbers.
    pub fn failures(&self) -> impl Iterator<Item = (&SaEntry, SaStats)> {
        self.tables.sas.iter().filter_map(|it| {
            let before = self.earlier.get(&it.sa.id()).copied().unwrap_or_default();
            let since = since(it.stats, before.stats);
            (!since.is_zero()).then_some((it, since))
        })
    }
}

fn counts(tables: &Tables) -> Counts {
    let of = |it: &SaEntry| (it.sa.id(), Counted { packets: it.current.packets, stats: it.stats });
    tables.sas.iter().map(of).collect()
}

fn since(now: SaStats, before: SaStats) -> SaStats {
    SaStats {
        replay_window: now.replay_window.saturating_sub(before.replay_window),
        replay: now.replay.saturating_sub(before.replay),
        integrity_failed: now.integrity_failed.saturating_sub(before.integrity_failed),
    }
}
