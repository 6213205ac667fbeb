//! Of policies of one priority, a packet finds the oldest. Those that have to come behind others get a lower
//! priority meanwhile, and then their own again, which makes them the last.

use std::collections::{BTreeSet, HashMap};

use model::{Direction, IpVersion, Policy, PolicyEntry, PolicyId, PolicyType, Priority};

use super::{Fate, Found, Wanted};

/// The policies that have to come behind others.
#[derive(Debug)]
pub(super) struct Moves {
    /// Of each requested policy, whether it does.
    pub(super) is_moved: Vec<bool>,
    /// Of each requested policy, whether it comes behind one that gets its lower priority at the end.
    pub(super) is_late: Vec<bool>,
    /// What gets a lower priority meanwhile, in the order of the changes.
    pub(super) deferred: Vec<Deferred>,
}

/// A policy that gets a lower priority meanwhile.
#[derive(Debug)]
pub(super) struct Deferred {
    pub(super) entry: PolicyEntry,
    pub(super) priority: Priority,
}

/// Where the kernel looks for the policy of a packet.
type Class = (Direction, PolicyType, IpVersion);

fn class(id: &PolicyId) -> Class {
    (id.direction, id.policy_type, id.selector.version())
}

/// Whether packets may match both policies of a class.
fn meet(one: &PolicyId, other: &PolicyId) -> bool {
    one.if_id == other.if_id && one.selector.overlaps(&other.selector)
}

impl Moves {
    pub(super) fn find(wanted: &[Wanted], removed: &[(usize, PolicyEntry)]) -> Self {
        let mut all = Self {
            is_moved: vec![false; wanted.len()],
            is_late: vec![false; wanted.len()],
            deferred: Vec::new(),
        };
        let mut groups: HashMap<(Class, Priority), Vec<usize>> = HashMap::new();
        for (place, Wanted { policy, .. }) in wanted.iter().enumerate() {
            groups.entry((class(&policy.id), policy.priority)).or_default().push(place);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_unstable_by_key(|(_, places)| places[0]);
        let priorities = Priorities::of(wanted, removed);
        for ((class, priority), places) in groups {
            all.find_in_group(wanted, &places);
            let moved: Vec<&Found> = places
                .iter()
                .filter(|place| all.is_moved[**place])
                .filter_map(|place| wanted[*place].installed.as_ref())
                .collect();
            let room = priorities.room_behind(class, priority);
            all.deferred.extend(defer(&moved, removed, priority, room));
        }
        all
    }

    /// Finds the policies of one priority that have to come behind others of it; `places` are in the order that is
    /// requested.
    fn find_in_group(&mut self, wanted: &[Wanted], places: &[usize]) {
        // Those that become the last, or may.
        let mut last: Vec<usize> = Vec::new();
        let mut ages: Vec<(usize, usize)> = Vec::new();
        let mut oldest_allowed = 0;
        for &place in places {
            let policy = &wanted[place].policy;
            let meets = |other: &usize| meet(&wanted[*other].policy.id, &policy.id);
            let (age, is_replaced) = match wanted[place].fate() {
                Fate::Added | Fate::Promoted | Fate::Demoted => {
                    last.push(place);
                    continue;
                }
                Fate::Stays(age) => (age, false),
                Fate::Replaced(age) => (age, true),
            };
            let is_older = |(other, of): &(usize, usize)| *of > age && meets(other);
            let is_moved =
                last.iter().any(meets) || (age < oldest_allowed && ages.iter().any(is_older));
            let is_behind_late =
                |other: &&usize| self.is_late[**other] || wanted[**other].fate() == Fate::Demoted;
            self.is_moved[place] = is_moved;
            self.is_late[place] = is_moved && last.iter().filter(is_behind_late).any(meets);
            if is_moved || is_replaced {
                last.push(place);
            }
            oldest_allowed = oldest_allowed.max(age);
            ages.push((place, age));
        }
    }
}

/// The policies that get a lower priority while others come before them: those that are moved, and those behind
/// them that are removed. They keep their order if there is `room` for a priority each.
fn defer(
    moved: &[&Found],
    removed: &[(usize, PolicyEntry)],
    priority: Priority,
    room: usize,
) -> Vec<Deferred> {
    if moved.is_empty() {
        return Vec::new();
    }
    let is_behind = |(age, entry): &&(usize, PolicyEntry)| {
        let Policy { id, priority: own, .. } = &entry.policy;
        *own == priority
            && moved.iter().any(|moved| {
                let other = &moved.entry.policy.id;
                class(other) == class(id) && moved.age < *age && meet(other, id)
            })
    };
    let mut all: Vec<(usize, &PolicyEntry)> =
        removed.iter().filter(is_behind).map(|(age, entry)| (*age, entry)).collect();
    all.extend(moved.iter().map(|found| (found.age, &found.entry)));
    all.sort_unstable_by_key(|(age, _)| *age);
    let has_room = room >= all.len();
    let deferred = all.into_iter().enumerate().map(|(rank, (_, entry))| {
        let offset = if has_room { rank + 1 } else { room.min(1) };
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        Deferred { entry: entry.clone(), priority: Priority(priority.0.saturating_add(offset)) }
    });
    // With a priority each, the last goes first, so that none passes another.
    if has_room { deferred.rev().collect() } else { deferred.collect() }
}

/// The priorities that are in use.
struct Priorities(HashMap<Class, BTreeSet<u32>>);

impl Priorities {
    fn of(wanted: &[Wanted], removed: &[(usize, PolicyEntry)]) -> Self {
        let mut classes: HashMap<Class, BTreeSet<u32>> = HashMap::new();
        let installed = wanted.iter().filter_map(|it| Some(&it.installed.as_ref()?.entry.policy));
        let policies = wanted.iter().map(|it| &it.policy).chain(installed);
        for policy in policies.chain(removed.iter().map(|(_, entry)| &entry.policy)) {
            classes.entry(class(&policy.id)).or_default().insert(policy.priority.0);
        }
        Self(classes)
    }

    /// How many priorities behind this one are free up to the next that is in use.
    fn room_behind(&self, class: Class, priority: Priority) -> usize {
        let Some(behind) = priority.0.checked_add(1) else { return 0 };
        let next = self.0.get(&class).and_then(|all| all.range(behind..).next()).copied();
        usize::try_from(next.unwrap_or(u32::MAX) - behind).unwrap_or(usize::MAX)
    }
}
