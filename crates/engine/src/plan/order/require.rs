//! Policies that require an SA while it is replaced, and are then as before. A kernel may look up a replaced policy as the last
//! of its priority (since Linux 6.13): those of its priority that come behind it are moved behind it again, both times.

use std::collections::HashMap;

use model::{Policy, PolicyEntry, Priority};

use super::{
    Wanted,
    moves::{Class, Priorities, class, meet},
};
use crate::plan::step::Step;

/// A policy of the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    pub entry: &'a PolicyEntry,
    /// Its place among all: the oldest is 0.
    pub age: usize,
    /// The policy meanwhile, if an SA that serves it is replaced.
    pub requiring: Option<&'a Policy>,
}

impl Wanted {
    /// The policy of the kernel.
    pub fn present(&self) -> Option<Present<'_>> {
        let installed = self.installed.as_ref()?;
        let (entry, requiring) = (&installed.entry, installed.requiring.as_ref());
        Some(Present { entry, age: installed.age, requiring })
    }
}

/// The changes after which these policies require an SA, and packets find the policies that they have found before.
pub fn require(policies: Vec<Present<'_>>) -> Vec<Step> {
    replace(policies, required)
}

/// The changes after which those that require an SA are as before, and packets find the policies that they have found before.
pub fn release(policies: Vec<Present<'_>>) -> Vec<Step> {
    replace(policies, released)
}

fn required(policy: &Present<'_>) -> Step {
    let Some(requiring) = policy.requiring else { return released(policy) };
    let (installed, requiring) = (Box::new(policy.entry.clone()), Box::new(requiring.clone()));
    Step::RequirePolicy { installed, requiring }
}

fn released(policy: &Present<'_>) -> Step {
    Step::ReleasePolicy(Box::new(policy.entry.policy.clone()))
}

/// Replaces the policies with a policy meanwhile, and those that come behind them, by the step of each.
fn replace(mut policies: Vec<Present<'_>>, step: fn(&Present<'_>) -> Step) -> Vec<Step> {
    policies.sort_by_key(|policy| policy.age);
    let priorities = Priorities::of(policies.iter().map(|it| &it.entry.policy));
    let mut groups: HashMap<(Class, Priority), Vec<Present<'_>>> = HashMap::new();
    for policy in policies {
        let Policy { id, priority, .. } = &policy.entry.policy;
        groups.entry((class(id), *priority)).or_default().push(policy);
    }
    let groups =
        groups.into_iter().filter(|(_, group)| group.iter().any(|it| it.requiring.is_some()));
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by_key(|(_, group)| group[0].age);
    groups
        .into_iter()
        .flat_map(|((class, priority), group)| {
            in_group(&group, priority, priorities.room_behind(class, priority), step)
        })
        .collect()
}

/// The changes of one priority. Those that are moved keep their order if there is `room` for a priority each.
fn in_group(
    group: &[Present<'_>],
    priority: Priority,
    room: usize,
    step: fn(&Present<'_>) -> Step,
) -> Vec<Step> {
    let (mut last, mut moved): (Vec<&Present<'_>>, Vec<_>) = (Vec::new(), Vec::new());
    for policy in group {
        let meets = |other: &&Present<'_>| meet(&other.entry.policy.id, &policy.entry.policy.id);
        let is_moved = last.iter().any(meets);
        if is_moved {
            moved.push(Box::new(policy.entry.policy.clone()));
        }
        if is_moved || policy.requiring.is_some() {
            last.push(policy);
        }
    }
    let has_room = room >= moved.len();
    let mut steps: Vec<_> = (1..)
        .zip(moved)
        .map(|(rank, policy)| {
            let offset = if has_room { rank } else { room.min(1) };
            let offset = u32::try_from(offset).unwrap_or(u32::MAX);
            Step::DeferPolicy { policy, priority: Priority(priority.0.saturating_add(offset)) }
        })
        .collect();
    // With a priority each, the last goes first, so that none passes another.
    if has_room {
        steps.reverse();
    }
    steps.extend(last.into_iter().map(step));
    steps
}
