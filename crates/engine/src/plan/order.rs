//! The order in which policies are changed. At any time, each packet finds the policy that it found before all
//! changes, or the one that it finds after them (docs/adr/0019-order-of-a-plan.md).

mod moves;
mod require;

use std::cmp::Reverse;

use model::{Policy, PolicyEntry, Priority};

use super::step::Step;
use moves::{Deferred, Moves};
pub use require::{Present, release, require};

/// A requested policy, and the kernel's of its name.
#[derive(Debug)]
pub struct Wanted {
    pub policy: Policy,
    pub installed: Option<Counterpart>,
}

/// The policy of the kernel that has the name of a requested one.
#[derive(Debug)]
pub struct Counterpart {
    pub entry: PolicyEntry,
    /// Its place among all of the kernel: the oldest is 0.
    pub age: usize,
    /// Whether it is the requested one.
    pub is_same: bool,
    /// The policy meanwhile, if an SA that serves it is replaced.
    pub requiring: Option<Policy>,
}

/// What becomes of a requested policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transition {
    /// It becomes the last of its priority.
    Added,
    /// It is not touched.
    Stays(usize),
    /// It is replaced with its priority: it may become the last, or keep its place.
    Replaced(usize),
    /// It becomes the last of a priority before its own.
    Promoted,
    /// It becomes the last of a priority behind its own.
    Demoted,
}

impl Wanted {
    fn transition(&self) -> Transition {
        let Some(Counterpart { entry, age, is_same, .. }) = &self.installed else {
            return Transition::Added;
        };
        match self.policy.priority.cmp(&entry.policy.priority) {
            std::cmp::Ordering::Less => Transition::Promoted,
            std::cmp::Ordering::Greater => Transition::Demoted,
            std::cmp::Ordering::Equal if *is_same => Transition::Stays(*age),
            std::cmp::Ordering::Equal => Transition::Replaced(*age),
        }
    }
}

/// The priority behind this one.
fn behind(priority: Priority) -> Priority {
    Priority(priority.0.saturating_add(1))
}

/// Orders the changes that lead to `wanted`, and to the end of `removed`, which have their age beside them. Those of
/// `wanted` that are as they are requested do not require an SA any more ([`release`]); others may.
pub fn steps(wanted: Vec<Wanted>, removed: Vec<(usize, PolicyEntry)>) -> Vec<Step> {
    let mut moves = Moves::find(&wanted, &removed);
    let mut unsorted = Unsorted::default();
    for (place, wanted) in wanted.into_iter().enumerate() {
        let deferred = moves.deferred.remove(&place).unwrap_or_default();
        let (is_moved, is_late) = (moves.is_moved[place], moves.is_late[place]);
        unsorted.defer(wanted.policy.priority, deferred, is_late);
        if is_late && !is_moved {
            unsorted.move_late(&wanted.policy);
        }
        unsorted.lead_to(wanted, is_moved, is_late);
    }
    for (age, entry) in removed {
        let precedence = (entry.policy.priority, age);
        unsorted.removals.push((precedence, Step::DeletePolicy(Box::new(entry))));
    }
    unsorted.sort()
}

/// Changes of policies by the time at which they are made.
#[derive(Debug, Default)]
struct Unsorted {
    /// Each with the priority that the policy will have.
    additions: Vec<(Priority, Step)>,
    /// Each with the priority and age that the policy has had.
    removals: Vec<((Priority, usize), Step)>,
    late: Vec<Step>,
}

impl Unsorted {
    /// Gives policies a lower priority before the turn of one of this priority.
    fn defer(&mut self, key: Priority, deferred: Vec<Deferred>, is_late: bool) {
        for Deferred { entry, priority, is_removed } in deferred {
            let step = Step::DeferPolicy { policy: Box::new(entry.policy), priority };
            match (is_late, is_removed) {
                (false, _) => self.additions.push((key, step)),
                (true, false) => self.late.push(step),
                // It has gone by then.
                (true, true) => {}
            }
        }
    }

    /// Makes a policy that was added or changed before the last of its priority.
    fn move_late(&mut self, policy: &Policy) {
        let (policy, priority) = (Box::new(policy.clone()), behind(policy.priority));
        self.late.push(Step::DeferPolicy { policy: policy.clone(), priority });
        self.late.push(Step::ReleasePolicy(policy));
    }

    /// Adds what leads from the policy of the kernel to the requested one.
    fn lead_to(&mut self, Wanted { policy, installed }: Wanted, is_moved: bool, is_late: bool) {
        let key = policy.priority;
        let Some(Counterpart { entry, age, is_same, .. }) = installed else {
            self.additions.push((key, Step::AddPolicy(Box::new(policy))));
            return;
        };
        let (installed, requested) = (Box::new(entry), Box::new(policy));
        if is_moved {
            let step = Step::RequeuePolicy { installed, requested };
            if is_late { self.late.push(step) } else { self.additions.push((key, step)) }
        } else if requested.priority > installed.policy.priority {
            let precedence = (installed.policy.priority, age);
            self.removals.push((precedence, Step::UpdatePolicy { installed, requested }));
        } else if !is_same {
            self.additions.push((key, Step::UpdatePolicy { installed, requested }));
        }
    }

    /// What comes first is looked up first, and what goes first is looked up last. Both sorts are stable.
    fn sort(mut self) -> Vec<Step> {
        self.additions.sort_by_key(|(priority, _)| *priority);
        self.removals.sort_by_key(|(precedence, _)| Reverse(*precedence));
        let additions = self.additions.into_iter().map(|(_, step)| step);
        let removals = self.removals.into_iter().map(|(_, step)| step);
        additions.chain(removals).chain(self.late).collect()
    }
}

#[cfg(test)]
mod tests;
