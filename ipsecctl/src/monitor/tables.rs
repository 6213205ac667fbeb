//! A copy of the SAD and SPD without keys, which shows what an update has changed and what was missed.

use std::collections::HashMap;

use cli::{
    Keys,
    json::{EventJson, Fingerprints, PolicyJson, SaJson, members_between},
};
use engine::{Namespace, SadFilter, TableDump};
use model::{Event, PolicyEntry, Proto, SaEntry, SaId};

use super::event;
use crate::Error;

/// The most entries of each table that are kept where the tables cannot be read: what is gone may not be known.
const MOST_UNREAD: usize = 1024;

/// The tables as the events and dumps until now have them.
pub struct TableCopies {
    fingerprints: Fingerprints,
    sas: HashMap<SaId, SaJson>,
    /// By index; without those of sockets, of which there are no events.
    policies: HashMap<u32, PolicyJson>,
    /// What is called by numbers: network devices.
    has_numbers: bool,
    /// Whether both tables were read.
    is_whole: bool,
}

impl TableCopies {
    /// Reads both tables. A monitor that is open before misses nothing.
    pub fn read() -> Result<Self, Error> {
        Self::new(false).filled()
    }

    /// The same with network devices by their numbers, as events of another network namespace have them.
    pub fn read_with_numbers() -> Result<Self, Error> {
        Self::new(true).filled()
    }

    /// TableCopies that cannot be read, of another network namespace.
    pub fn unread(&self) -> Self {
        Self { fingerprints: self.fingerprints.clone(), ..Self::new(true) }
    }

    fn new(has_numbers: bool) -> Self {
        let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
        let (sas, policies) = (HashMap::new(), HashMap::new());
        Self { fingerprints, sas, policies, has_numbers, is_whole: false }
    }

    fn filled(mut self) -> Result<Self, Error> {
        self.fill()?;
        self.is_whole = true;
        Ok(self)
    }

    /// Whether both tables were read, so that it is known what an event has changed.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Forgets all entries, of tables that cannot be read.
    pub fn forget(&mut self) {
        self.sas.clear();
        self.policies.clear();
    }

    /// Forgets all entries if a further one would be one too many.
    fn leave_room(&mut self) {
        if !self.is_whole && self.sas.len().max(self.policies.len()) >= MOST_UNREAD {
            self.forget();
        }
    }

    /// The number of SAs and policies.
    pub fn entries(&self) -> u64 {
        (self.sas.len() + self.policies.len()) as u64
    }

    fn fill(&mut self) -> Result<(), Error> {
        let (sad, spd) = if self.has_numbers {
            (TableDump::sad_with_numbers()?, TableDump::spd_with_numbers()?)
        } else {
            (TableDump::sad(&SadFilter::default())?, TableDump::spd()?)
        };
        for entry in sad {
            let Some(entry) = readable(entry)? else { continue };
            self.sas.insert(entry.sa.id(), self.sa(&entry));
        }
        for entry in spd {
            let Some(entry) = readable(entry)? else { continue };
            if !entry.socket {
                self.policies.insert(entry.index, PolicyJson::new(&entry));
            }
        }
        Ok(())
    }

    fn sa(&self, entry: &SaEntry) -> SaJson {
        SaJson::new(entry, Keys::Hidden, &self.fingerprints)
    }

    /// Carries out an event in the copy. `None`: the change was seen already, in a dump that was read
    /// after it.
    pub fn apply(&mut self, event: &Event) -> Option<EventJson> {
        match event {
            Event::SaAdded { entry, .. } => self.put_sa("new", entry),
            Event::SaUpdated { entry, .. } => self.put_sa("updated", entry),
            Event::SaDeleted { entry, .. } => {
                let is_known = self.sas.remove(&entry.sa.id()).is_some();
                (is_known || !self.is_whole).then(|| self.of_sa("deleted", entry))
            }
            Event::SaExpired { entry, hard, .. } => {
                if *hard {
                    self.sas.remove(&entry.sa.id());
                }
                Some(EventJson { hard: Some(*hard), ..self.of_sa("expired", entry) })
            }
            Event::SadFlushed { proto, .. } => Some(self.flush_sad(*proto)),
            Event::PolicyAdded { entry, .. } => self.put_policy("new", entry),
            Event::PolicyUpdated { entry, .. } => self.put_policy("updated", entry),
            Event::PolicyDeleted { entry, .. } => {
                let is_known = self.policies.remove(&entry.index).is_some();
                (is_known || !self.is_whole).then(|| of_policy("deleted", entry))
            }
            Event::PolicyExpired { entry, hard, .. } => {
                if *hard {
                    self.policies.remove(&entry.index);
                }
                Some(EventJson { hard: Some(*hard), ..of_policy("expired", entry) })
            }
            Event::SpdFlushed { .. } => {
                let entries = Some(self.policies.drain().count() as u64);
                let database = Some("spd");
                Some(EventJson { event: "flushed", database, entries, ..EventJson::default() })
            }
            other => Some(event::of_no_entry(other)),
        }
    }

    fn of_sa(&self, event: &'static str, entry: &SaEntry) -> EventJson {
        EventJson { event, sa: Some(Box::new(self.sa(entry))), ..EventJson::default() }
    }

    fn put_sa(&mut self, event: &'static str, entry: &SaEntry) -> Option<EventJson> {
        self.leave_room();
        let after = self.sa(entry);
        let before = self.sas.insert(entry.sa.id(), after.clone());
        let changed = before.as_ref().map(|before| members_between(before, &after));
        if event == "new" && changed.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let changed = changed.unwrap_or_default();
        Some(EventJson { event, sa: Some(Box::new(after)), changed, ..EventJson::default() })
    }

    fn put_policy(&mut self, event: &'static str, entry: &PolicyEntry) -> Option<EventJson> {
        self.leave_room();
        let after = PolicyJson::new(entry);
        let before = self.policies.insert(entry.index, after.clone());
        let changed = before.as_ref().map(|before| members_between(before, &after));
        if event == "new" && changed.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let changed = changed.unwrap_or_default();
        Some(EventJson { event, policy: Some(Box::new(after)), changed, ..EventJson::default() })
    }

    fn flush_sad(&mut self, proto: Option<Proto>) -> EventJson {
        let before = self.sas.len();
        self.sas.retain(|id, _| proto.is_some_and(|proto| id.proto != proto));
        let entries = Some((before - self.sas.len()) as u64);
        let (database, protocol) = (Some("sad"), proto.map(Proto::word));
        EventJson { event: "flushed", database, protocol, entries, ..EventJson::default() }
    }

    /// Reads the tables again after events were lost. Returns what has happened meanwhile, as far as it
    /// left a trace.
    pub fn recover(&mut self) -> Result<Vec<EventJson>, Error> {
        let (sas, policies) = (std::mem::take(&mut self.sas), std::mem::take(&mut self.policies));
        self.fill()?;
        let mut events = Vec::new();
        differences(&sas, &self.sas, |event, sa, changed| {
            let sa = Some(Box::new(sa.clone()));
            events.push(EventJson { event, sa, changed, ..EventJson::default() });
        });
        differences(&policies, &self.policies, |event, policy, changed| {
            let policy = Some(Box::new(policy.clone()));
            events.push(EventJson { event, policy, changed, ..EventJson::default() });
        });
        for event in &mut events {
            event.was_lost = Some(true);
        }
        Ok(events)
    }
}

/// An entry, unless it cannot be read, which is reported: the next one can.
fn readable<T>(entry: Result<T, engine::Error>) -> Result<Option<T>, Error> {
    match entry {
        Err(error) if error.is_malformed() => {
            cli::print_error("ipsecctl", &error);
            Ok(None)
        }
        entry => Ok(Some(entry?)),
    }
}

fn of_policy(event: &'static str, entry: &PolicyEntry) -> EventJson {
    EventJson { event, policy: Some(Box::new(PolicyJson::new(entry))), ..EventJson::default() }
}

/// What is gone, new, or other than before.
fn differences<Id: std::hash::Hash + Eq, T: serde::Serialize + PartialEq>(
    before: &HashMap<Id, T>,
    after: &HashMap<Id, T>,
    mut give: impl FnMut(&'static str, &T, Vec<cli::json::MemberJson>),
) {
    for (id, entry) in before {
        if !after.contains_key(id) {
            give("deleted", entry, Vec::new());
        }
    }
    for (id, entry) in after {
        match before.get(id) {
            None => give("new", entry, Vec::new()),
            Some(old) if old == entry => {}
            Some(old) => {
                let changed = members_between(old, entry);
                if !changed.is_empty() {
                    give("updated", entry, changed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Current, Origin, Sa, SaState, Spi};

    use super::*;

    fn added(spi: u32) -> Event {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let sa = Sa::bare(ends, Proto::Esp, Spi(spi));
        let entry = Box::new(SaEntry::new(sa, SaState::Mature, Current::default()));
        Event::SaAdded { entry, origin: Origin::default() }
    }

    /// A network namespace whose end is not seen, and another of its number, again and again.
    #[test]
    fn tables_that_cannot_be_read_do_not_grow_without_limit() {
        let most = MOST_UNREAD as u64;
        let mut tables = TableCopies::new(true);
        for spi in 1..10 * MOST_UNREAD {
            let event = tables.apply(&added(spi.try_into().unwrap())).unwrap();
            assert_eq!(event.event, "new");
            assert!(tables.entries() <= most, "{}", tables.entries());
        }
        tables.forget();
        assert_eq!(tables.entries(), 0);
        // What was read is kept: the kernel has as much.
        tables.is_whole = true;
        (1..=4 * MOST_UNREAD).for_each(|spi| drop(tables.apply(&added(spi.try_into().unwrap()))));
        assert_eq!(tables.entries(), 4 * most);
    }
}
