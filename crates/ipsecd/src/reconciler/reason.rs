//! Why the SPD is reconciled, as text for the log.

use std::fmt;

use model::{Direction, Event, PolicyEntry, Prefix, SaEntry};

/// The first reason, and the number of further ones.
#[derive(Debug)]
pub(super) struct ReconcileReason {
    first: String,
    more: usize,
}

impl ReconcileReason {
    pub(super) fn new(first: impl Into<String>) -> Self {
        Self { first: first.into(), more: 0 }
    }

    /// A change of the SAD or SPD.
    pub(super) fn of(event: &Event) -> Self {
        Self::new(match event {
            Event::SaAdded { entry, .. } => sa(entry, "added"),
            Event::SaUpdated { entry, .. } => sa(entry, "updated"),
            Event::SaDeleted { entry, .. } => sa(entry, "deleted"),
            Event::SaExpired { entry, .. } => sa(entry, "expired"),
            Event::SadFlushed { .. } => "SAD flushed".to_owned(),
            Event::PolicyAdded { entry, .. } => policy(entry, "added"),
            Event::PolicyUpdated { entry, .. } => policy(entry, "replaced"),
            Event::PolicyDeleted { entry, .. } => policy(entry, "deleted"),
            Event::PolicyExpired { entry, .. } => policy(entry, "expired"),
            Event::SpdFlushed { .. } => "SPD flushed".to_owned(),
            Event::CatchAllDeleted { .. } => "catch-all deleted".to_owned(),
            Event::Migrated(migration) => {
                let (src, dst) = (migration.selector.src(), migration.selector.dst());
                format!("policy {} migrated", name(src, dst, migration.direction))
            }
            Event::MonitorLost => "events were lost".to_owned(),
            Event::Acquire(_)
            | Event::MappingChanged(_)
            | Event::SaCounted(_)
            | Event::Reported { .. }
            | Event::Other { .. } => "something happened".to_owned(),
        })
    }

    /// Counts another reason.
    pub(super) fn join(&mut self, other: &ReconcileReason) {
        self.more += other.more + 1;
    }
}

impl fmt::Display for ReconcileReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first)?;
        match self.more {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

fn sa(SaEntry { sa, .. }: &SaEntry, what: &str) -> String {
    let (src, dst) = (sa.ends.src(), sa.ends.dst());
    format!("{} SA {src}-{dst} spi {:#x} {what}", sa.proto.word(), sa.spi.0)
}

fn policy(PolicyEntry { policy, .. }: &PolicyEntry, what: &str) -> String {
    let id = &policy.id;
    format!("policy {} {what}", name(id.selector.src(), id.selector.dst(), id.direction))
}

fn name(src: Prefix, dst: Prefix, direction: Direction) -> String {
    let (from, to) = ((src.addr(), src.length()), (dst.addr(), dst.length()));
    format!("{}/{}-{}/{} {}", from.0, from.1, to.0, to.1, direction.word())
}
