use std::collections::{HashMap, HashSet};

use model::{Event, EventGroup, Origin, PolicyEntry, PolicyId};
use xfrm::{Change, Connection, EventSocket, InstalledPolicy};

use crate::{Error, state::host::Host};

/// How often to restore: each time another change may come between.
const TRIES: u32 = 8;

/// Detects that a program which takes no lock deletes or replaces a policy between its being read
/// and its being written here. The kernel has no request that replaces a policy only if it is
/// there: ours would bring a deleted one back.
pub struct ConflictDetector {
    monitor: EventSocket,
    /// Where our own requests come from.
    port: u32,
    /// What others made of policies.
    others: HashMap<PolicyId, Fate>,
    /// The SPD was flushed, before what is in `others`.
    is_flushed: bool,
    /// The policies that others have changed, and then we, who did not know.
    overruled: HashSet<PolicyId>,
}

/// What has become of a policy.
enum Fate {
    Gone,
    There(Box<PolicyEntry>),
}

impl ConflictDetector {
    /// Begins to listen. Requests from `port` are our own.
    pub fn new(port: u32) -> Result<Self, Error> {
        Ok(Self {
            monitor: EventSocket::open(&[EventGroup::Policy])?,
            port,
            others: HashMap::new(),
            is_flushed: false,
            overruled: HashSet::new(),
        })
    }

    /// Takes note of what has happened until now.
    ///
    /// Errors: [`xfrm::Error::RepliesLost`] if more has happened than could be received.
    pub fn listen(&mut self) -> Result<(), Error> {
        loop {
            match self.monitor.try_next_event() {
                Ok(Some(Event::MonitorLost)) => return Err(xfrm::Error::RepliesLost.into()),
                Ok(Some(event)) => self.note_event(event),
                Ok(None) => return Ok(()),
                // It is about none of ours: those can be read.
                Err(xfrm::Error::Malformed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn note_event(&mut self, event: Event) {
        match event {
            Event::PolicyAdded { entry, origin } | Event::PolicyUpdated { entry, origin } => {
                self.note(entry.policy.id.clone(), Fate::There(entry), origin);
            }
            Event::PolicyDeleted { entry, origin, .. }
            | Event::PolicyExpired { entry, hard: true, origin } => {
                self.note(entry.policy.id, Fate::Gone, origin);
            }
            Event::SpdFlushed { .. } => {
                self.others.clear();
                self.overruled.clear();
                self.is_flushed = true;
            }
            _ => {}
        }
    }

    fn note(&mut self, id: PolicyId, fate: Fate, origin: Origin) {
        if origin.pid != self.port {
            self.overruled.remove(&id);
            self.others.insert(id, fate);
        } else if self.will(&id).is_some_and(|will| *will != fate) {
            self.overruled.insert(id);
        } else {
            self.overruled.remove(&id);
        }
    }

    /// What others made of a policy, if they did anything.
    fn will(&self, id: &PolicyId) -> Option<&Fate> {
        self.others.get(id).or(self.is_flushed.then_some(&Fate::Gone))
    }

    /// Whether others have changed a policy.
    pub fn knows_of(&self, id: &PolicyId) -> bool {
        self.will(id).is_some()
    }

    /// Whether a policy that was read is still so, as far as is known.
    pub fn agrees(&self, read: &PolicyEntry) -> bool {
        self.will(&read.policy.id).is_none_or(|will| will.is(read))
    }

    /// Starts again, from what is known to be there.
    pub fn forget(&mut self) {
        self.others.clear();
        self.is_flushed = false;
    }

    /// Makes policies again what others have made of them, where we have written over it.
    pub fn take_back(&mut self, host: &mut Host) -> Result<(), Error> {
        for _ in 0..TRIES {
            if self.overruled.is_empty() {
                break;
            }
            self.give_in(&mut host.kernel)?;
            self.listen()?;
        }
        Ok(())
    }

    fn give_in(&mut self, kernel: &mut Connection) -> Result<(), Error> {
        let mut batch = kernel.batch();
        for id in &self.overruled {
            match self.will(id) {
                Some(Fate::There(entry)) => {
                    let PolicyEntry { policy, installation, index, .. } = &**entry;
                    let installed =
                        InstalledPolicy { policy, installation: *installation, index: *index };
                    batch.push(&Change::UpdatePolicy(installed));
                }
                _ => batch.push(&Change::DeletePolicy(id)),
            }
        }
        kernel.send(&mut batch)?;
        Ok(())
    }
}

impl Fate {
    /// Whether the policy is there as it is here, whatever it has seen.
    fn is(&self, other: &PolicyEntry) -> bool {
        matches!(self, Fate::There(one) if (&one.policy, one.installation) == (&other.policy, other.installation))
    }
}

impl PartialEq for Fate {
    fn eq(&self, other: &Self) -> bool {
        match other {
            Fate::Gone => matches!(self, Fate::Gone),
            Fate::There(entry) => self.is(entry),
        }
    }
}
