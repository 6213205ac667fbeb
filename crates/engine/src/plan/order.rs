//! The order in which policies are changed. At any time, each packet finds the policy that it found before all
//! changes, or the one that it finds after them (docs/adr/0019-order-of-a-plan.md).

mod moves;

use std::cmp::Reverse;

use model::{Policy, PolicyEntry, Priority};

use super::step::Step;
use moves::{Deferred, Moves};

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
        let Some(Counterpart { entry, age, is_same, requiring }) = &self.installed else {
            return Transition::Added;
        };
        match self.policy.priority.cmp(&entry.policy.priority) {
            std::cmp::Ordering::Less => Transition::Promoted,
            std::cmp::Ordering::Greater => Transition::Demoted,
            std::cmp::Ordering::Equal if *is_same && requiring.is_none() => Transition::Stays(*age),
            std::cmp::Ordering::Equal => Transition::Replaced(*age),
        }
    }
}

/// The priority behind this one.
fn behind(priority: Priority) -> Priority {
    Priority(priority.0.saturating_add(1))
}

/// The changes of policies around that of the SAs that are replaced.
#[derive(Debug, Default)]
pub struct PolicySteps {
    /// Before SAs are replaced.
    pub first: Vec<Step>,
    /// Afterwards.
    pub then: Vec<Step>,
}

/// Orders the changes that lead to `wanted`, and to the end of `removed`, which have their age beside them.
pub fn steps(wanted: Vec<Wanted>, removed: Vec<(usize, PolicyEntry)>) -> PolicySteps {
    let mut moves = Moves::find(&wanted, &removed);
    let mut first = Vec::new();
    let (mut additions, mut removals, mut late) = (Vec::new(), Vec::new(), Vec::new());
    for (place, Wanted { policy, installed }) in wanted.into_iter().enumerate() {
        let key = policy.priority;
        for Deferred { entry, priority, is_removed } in
            moves.deferred.remove(&place).into_iter().flatten()
        {
            let step = Step::DeferPolicy { policy: Box::new(entry.policy), priority };
            match (moves.is_late[place], is_removed) {
                (false, _) => additions.push((key, step)),
                (true, false) => late.push(step),
                // It has gone by then.
                (true, true) => {}
            }
        }
        if moves.is_late[place] && !moves.is_moved[place] {
            let (policy, priority) = (Box::new(policy.clone()), behind(key));
            late.push(Step::DeferPolicy { policy: policy.clone(), priority });
            late.push(Step::ReleasePolicy(policy));
        }
        let Some(Counterpart { entry, age, is_same, requiring }) = installed else {
            additions.push((key, Step::AddPolicy(Box::new(policy))));
            continue;
        };
        if let Some(requiring) = &requiring {
            let (installed, requiring) = (Box::new(entry.clone()), Box::new(requiring.clone()));
            first.push(Step::RequirePolicy { installed, requiring });
        }
        let (installed, requested) = (Box::new(entry), Box::new(policy));
        let is_demoted = requested.priority > installed.policy.priority;
        if moves.is_moved[place] {
            let step = Step::RequeuePolicy { installed, requested };
            if moves.is_late[place] { late.push(step) } else { additions.push((key, step)) }
        } else if is_demoted {
            let precedence = (installed.policy.priority, age);
            removals.push((precedence, Step::UpdatePolicy { installed, requested }));
        } else if !is_same {
            additions.push((key, Step::UpdatePolicy { installed, requested }));
        } else if requiring.is_some() {
            additions.push((key, Step::ReleasePolicy(requested)));
        }
    }
    for (age, entry) in removed {
        let precedence = (entry.policy.priority, age);
        removals.push((precedence, Step::DeletePolicy(Box::new(entry))));
    }
    // Both sorts are stable. What comes first is looked up first, and what goes first is looked up last.
    additions.sort_by_key(|(priority, _)| *priority);
    removals.sort_by_key(|(precedence, _)| Reverse(*precedence));
    let additions = additions.into_iter().map(|(_, step)| step);
    let removals = removals.into_iter().map(|(_, step)| step);
    PolicySteps { first, then: additions.chain(removals).chain(late).collect() }
}

#[cfg(test)]
mod tests;
