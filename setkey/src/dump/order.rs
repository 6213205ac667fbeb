use std::collections::HashMap;

use model::{AddressPair, Dialect, Direction, PolicyEntry, Proto, ReqId, SaEntry, SaMode, SaState};

use super::entry::DumpEntry;

/// The places of entries in a dump of a BSD's kernel (sys/netipsec/key.c).
pub struct BsdOrder {
    dialect: Dialect,
    /// How many entries there were.
    age: i64,
    /// The groups of SAs (`struct secashead`).
    groups: HashMap<(Proto, AddressPair, SaMode, Option<ReqId>), i64>,
}

/// Where an entry is: places compare as arrays do.
pub type SortPlace = [i64; 3];

impl BsdOrder {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, age: 0, groups: HashMap::new() }
    }

    /// The place of the next entry; the oldest is the first.
    pub fn place(&mut self, entry: &DumpEntry) -> SortPlace {
        self.age += 1;
        match entry {
            DumpEntry::Sa(entry) => self.place_of_sa(entry),
            DumpEntry::Policy(entry, _) => self.place_of_policy(entry),
        }
    }

    /// The newest group is first (`key_newsah`). In a group FreeBSD has the newest SA first, NetBSD the
    /// oldest (`key_dump`, `saorder_state_any`).
    fn place_of_sa(&mut self, SaEntry { sa, state, .. }: &SaEntry) -> SortPlace {
        let next = -i64::try_from(self.groups.len()).unwrap_or(i64::MAX);
        let group = *self.groups.entry((sa.proto, sa.ends, sa.mode, sa.reqid)).or_insert(next);
        if self.dialect == Dialect::FreeBsd {
            return [group, i64::from(*state != SaState::Larval), -self.age];
        }
        let list = match state {
            SaState::Mature => 0,
            SaState::Dying => 1,
            SaState::Larval => 2,
            SaState::Dead => 3,
        };
        [group, list, self.age]
    }

    /// Inbound policies are first, then as packets are compared with them (`key_spddump`,
    /// `key_insertsp`).
    fn place_of_policy(&self, PolicyEntry { policy, .. }: &PolicyEntry) -> SortPlace {
        let is_outbound = policy.id.direction == Direction::Out;
        [is_outbound.into(), policy.priority.0.into(), self.age]
    }
}
