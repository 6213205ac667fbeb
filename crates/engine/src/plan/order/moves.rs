//! Of policies of one priority, a packet finds the oldest. Those that have to come behind others get a lower
//! priority meanwhile, and then their own again, which makes them the last.

use std::collections::{BTreeSet, HashMap};

use model::{Direction, IpVersion, Policy, PolicyEntry, PolicyId, PolicyType, Priority};

use super::{Counterpart, Transition, Wanted};

/// The policies that have to come behind others.
#[derive(Debug)]
pub(super) struct Moves {
    /// Of each requested policy, whether it does.
    pub(super) is_moved: Vec<bool>,
    /// Of each requested policy, whether it gets its place at the end, behind one that is demoted.
    pub(super) is_late: Vec<bool>,
    /// What gets a lower priority meanwhile, in the order of the changes, by the policy before whose turn they are.
    pub(super) deferred: HashMap<usize, Vec<Deferred>>,
}

/// A policy that gets a lower priority meanwhile.
#[derive(Debug)]
pub(super) struct Deferred {
    pub(super) entry: PolicyEntry,
    pub(super) priority: Priority,
    /// Whether it is removed afterwards.
    pub(super) is_removed: bool,
}

/// Where the kernel looks for the policy of a packet.
pub(super) type Class = (Direction, PolicyType, IpVersion);

pub(super) fn class(id: &PolicyId) -> Class {
    (id.direction, id.policy_type, id.selector.version())
}

/// Whether packets may match both policies of a class.
pub(super) fn meet(one: &PolicyId, other: &PolicyId) -> bool {
    one.if_id == other.if_id && one.selector.overlaps(&other.selector)
}

impl Moves {
    pub(super) fn find(wanted: &[Wanted], removed: &[(usize, PolicyEntry)]) -> Self {
        let mut all = Self {
            is_moved: vec![false; wanted.len()],
            is_late: vec![false; wanted.len()],
            deferred: HashMap::new(),
        };
        let mut groups: HashMap<(Class, Priority), Vec<usize>> = HashMap::new();
        for (place, Wanted { policy, .. }) in wanted.iter().enumerate() {
            groups.entry((class(&policy.id), policy.priority)).or_default().push(place);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_unstable_by_key(|(_, places)| places[0]);
        let installed = wanted.iter().filter_map(|it| Some(&it.installed.as_ref()?.entry.policy));
        let policies = wanted.iter().map(|it| &it.policy).chain(installed);
        let policies = policies.chain(removed.iter().map(|(_, entry)| &entry.policy));
        let priorities = Priorities::of(policies);
        for ((class, priority), places) in groups {
            all.find_in_group(wanted, &places);
            let is_passed = |place: &&usize| {
                all.is_moved[**place]
                    || matches!(wanted[**place].transition(), Transition::Replaced(_))
            };
            let passed: Vec<(usize, &Counterpart)> = places
                .iter()
                .filter(is_passed)
                .filter_map(|place| Some((*place, wanted[*place].installed.as_ref()?)))
                .collect();
            let room = priorities.room_behind(class, priority);
            for (place, deferred) in defer(&passed, &all.is_moved, removed, priority, room) {
                all.deferred.entry(place).or_default().push(deferred);
            }
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
            let is_behind_late = |other: &&usize| {
                self.is_late[**other] || wanted[**other].transition() == Transition::Demoted
            };
            let is_late = last.iter().filter(is_behind_late).any(meets);
            let (age, is_replaced) = match wanted[place].transition() {
                Transition::Added | Transition::Promoted | Transition::Demoted => {
                    self.is_late[place] = is_late;
                    last.push(place);
                    continue;
                }
                Transition::Stays(age) => (age, false),
                Transition::Replaced(age) => (age, true),
            };
            let is_older = |(other, of): &(usize, usize)| *of > age && meets(other);
            let is_moved =
                last.iter().any(meets) || (age < oldest_allowed && ages.iter().any(is_older));
            self.is_moved[place] = is_moved;
            self.is_late[place] = is_moved && is_late;
            if is_moved || is_replaced {
                last.push(place);
            }
            oldest_allowed = oldest_allowed.max(age);
            ages.push((place, age));
        }
    }
}

/// The policies that get a lower priority while others come before them: those that are moved, and those that are
/// removed behind one that is moved or replaced. They keep their order if there is `room` for a priority each.
fn defer(
    passed: &[(usize, &Counterpart)],
    is_moved: &[bool],
    removed: &[(usize, PolicyEntry)],
    priority: Priority,
    room: usize,
) -> Vec<(usize, Deferred)> {
    // The first that may become younger than this one although it is older.
    let first_before = |age: usize, id: &PolicyId| {
        let mut older = passed.iter().filter(|(_, found)| found.age < age);
        older.find(|(_, found)| meet(&found.entry.policy.id, id)).map(|(place, _)| *place)
    };
    let Some((_, Counterpart { entry: PolicyEntry { policy, .. }, .. })) = passed.first() else {
        return Vec::new();
    };
    let of_group = removed.iter().filter(|(_, PolicyEntry { policy: it, .. })| {
        it.priority == priority && class(&it.id) == class(&policy.id)
    });
    let of_group = of_group.map(|(age, entry)| (*age, None, entry));
    let moved = passed.iter().filter(|(place, _)| is_moved[*place]);
    let moved = moved.map(|(own, found)| (found.age, Some(*own), &found.entry));
    let mut candidates: Vec<(usize, Option<usize>, &PolicyEntry)> = of_group.chain(moved).collect();
    candidates.sort_unstable_by_key(|(age, ..)| *age);
    // Behind one that is deferred, a younger one would be found in its place: it is deferred before.
    let mut all: Vec<(usize, bool, &PolicyEntry)> = Vec::new();
    for (age, own, entry) in candidates {
        let id = &entry.policy.id;
        let older = all.iter().filter(|(.., other)| meet(&other.policy.id, id));
        let places = older.map(|(place, ..)| *place).chain(first_before(age, id)).chain(own);
        all.extend(places.min().map(|place| (place, own.is_none(), entry)));
    }
    let has_room = room >= all.len();
    let deferred = all.into_iter().enumerate().map(|(rank, (place, is_removed, entry))| {
        let offset = if has_room { rank + 1 } else { room.min(1) };
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let priority = Priority(priority.0.saturating_add(offset));
        (place, Deferred { entry: entry.clone(), priority, is_removed })
    });
    // With a priority each, the last goes first, so that none passes another.
    if has_room { deferred.rev().collect() } else { deferred.collect() }
}

/// The priorities that are in use.
pub(super) struct Priorities(HashMap<Class, BTreeSet<u32>>);

impl Priorities {
    pub(super) fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let mut classes: HashMap<Class, BTreeSet<u32>> = HashMap::new();
        for policy in policies {
            classes.entry(class(&policy.id)).or_default().insert(policy.priority.0);
        }
        Self(classes)
    }

    /// How many priorities behind this one are free up to the next that is in use.
    pub(super) fn room_behind(&self, class: Class, priority: Priority) -> usize {
        let Some(behind) = priority.0.checked_add(1) else { return 0 };
        let next = self.0.get(&class).and_then(|all| all.range(behind..).next()).copied();
        usize::try_from(next.unwrap_or(u32::MAX) - behind).unwrap_or(usize::MAX)
    }
}
