//! The look-up of a policy in the SPD (`xfrm_policy_lookup`, net/xfrm/xfrm_policy.c).

use std::cmp::{Ordering, Reverse};

use model::{Direction, PolicyEntry};

use crate::{
    Compared, Doubt, Fields, Flow, NearPolicy, PolicyOrder, Tables,
    lists::{List, list_of},
    near::{MOST, Nearest, Relation},
    order::ListOrder,
};

/// What a look-up finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// A policy.
    Policy(&'a PolicyEntry),
    /// The catch-all of the variable `def_policy`, which discards.
    CatchAll,
    /// No policy: the kernel's own default policy decides.
    Nothing,
}

/// A policy that may come before the one that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shadow<'a> {
    /// The policy.
    pub entry: &'a PolicyEntry,
    /// How it compares with the packet: no field differs.
    pub compared: Compared,
}

/// The look-up of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// What it finds.
    pub found: Found<'a>,
    /// Other policies that match and come later, in their order; the first few.
    pub later: Vec<&'a PolicyEntry>,
    /// How many match and come later.
    pub later_count: usize,
    /// Policies that nearly match, nearest first; the first few.
    pub near: Vec<NearPolicy<'a>>,
    /// Policies before the found one that match or not by what is not known of the packet.
    pub doubtful: Vec<Shadow<'a>>,
    /// A policy of the same priority of which the kernel does not show whether it comes first: it, the found one, or before
    /// Linux 6.12 another one was replaced, which changes its place in a dump and may not change that in its list.
    pub rival: Option<&'a PolicyEntry>,
}

/// A policy that matches, or may.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    entry: &'a PolicyEntry,
    compared: Compared,
    list: List,
    /// Its place in the dump: an older policy has a higher one.
    place: usize,
}

impl Candidate<'_> {
    fn priority(&self) -> u32 {
        self.entry.policy.priority.0
    }

    /// Lower comes first, in any list: priority, then age (`xfrm_policy.pos`).
    fn rank(&self) -> (u32, Reverse<usize>) {
        (self.entry.policy.priority.0, Reverse(self.place))
    }

    fn is_before(&self, other: &Self) -> bool {
        self.order().is_before(&other.order())
    }

    fn order(&self) -> ListOrder {
        let Self { entry, place, .. } = *self;
        ListOrder { priority: entry.policy.priority, index: entry.index, place }
    }

    /// Whether it is not known which of two comes first.
    fn is_rival_of(&self, other: &Self, tables: &Tables) -> bool {
        let is_by_place = tables.policy_order == PolicyOrder::ByPlace;
        let is_inexact = |it: &Self| it.list != List::Exact;
        match (is_inexact(self), is_inexact(other)) {
            // Before Linux 6.12 those that are not in the hash table are in one list, too.
            (true, true) if is_by_place => self.order().is_rival_of(&other.order()),
            (is_inexact, is_other_inexact) if is_by_place && is_inexact != is_other_inexact => {
                let inexact = if is_inexact { self } else { other };
                self.priority() == other.priority()
                    && tables.is_perhaps_first_inexact(inexact.entry)
            }
            _ => self.list == other.list && self.order().is_rival_of(&other.order()),
        }
    }
}

/// Looks up the policy of a packet.
#[must_use]
pub fn find_policy<'a>(tables: &'a Tables, direction: Direction, flow: &Flow) -> Lookup<'a> {
    let mut candidates = Vec::new();
    let (mut near, mut near_of_other) = (Nearest::default(), Nearest::default());
    for (place, entry) in tables.policies.iter().enumerate() {
        let id = &entry.policy.id;
        match Relation::of(id, direction, flow) {
            Relation::Candidate(compared) => {
                let list = list_of(&id.selector, direction, &tables.spd);
                candidates.push(Candidate { entry, compared, list, place });
            }
            Relation::Near { field, distance } => {
                let nearest =
                    if id.direction == direction { &mut near } else { &mut near_of_other };
                nearest.add(NearPolicy { entry, field }, distance, entry.policy.priority.0);
            }
            Relation::None => {}
        }
    }
    let (mut matching, doubtful): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.compared.matches());
    let first = first(tables, &matching);
    let is_before = |it: &Candidate<'_>| {
        first.is_none_or(|(first, _)| it.entry.policy.priority <= first.entry.policy.priority)
    };
    let doubtful = doubtful.iter().filter(|it| is_before(it));
    let doubtful = doubtful.map(|it| Shadow { entry: it.entry, compared: it.compared }).collect();
    let found = match first {
        Some((first, _)) => Found::Policy(first.entry),
        None if tables.has_catch_all(flow.version(), direction)
            && !is_loopback(flow, direction) =>
        {
            Found::CatchAll
        }
        None => Found::Nothing,
    };
    let mut near = near.into_nearest();
    match found {
        // The policies of other peers differ in their addresses.
        Found::Policy(found) => near.retain(|near| near.is_likelier_than(found, flow)),
        Found::CatchAll | Found::Nothing => {
            near.splice(0..0, near_of_other.into_nearest());
            near.truncate(MOST);
        }
    }
    matching.sort_unstable_by_key(Candidate::rank);
    matching.retain(|it| first.is_none_or(|(first, _)| !std::ptr::eq(it.entry, first.entry)));
    Lookup {
        found,
        later_count: matching.len(),
        later: matching.iter().take(MOST).map(|it| it.entry).collect(),
        near,
        doubtful,
        rival: first.and_then(|(_, rival)| rival),
    }
}

impl Lookup<'_> {
    /// The fields that are not known of the packet, if one of them decides on its policy.
    pub(crate) fn doubt<'b>(&self) -> Option<Doubt<'b>> {
        let unknown = self.doubtful.iter().map(|it| it.compared.unknown);
        let unknown = unknown.fold(Fields::default(), Fields::and);
        (!unknown.is_empty()).then_some(Doubt::Fields(unknown))
    }
}

/// Whether the policy of a socket is the packet's (`xfrm_sk_policy_lookup`).
pub fn matches_socket(entry: &PolicyEntry, flow: &Flow) -> bool {
    let id = &entry.policy.id;
    id.selector.version() == flow.version() && flow.compare_policy(id).matches()
}

/// The candidate that the kernel takes (`xfrm_policy_eval_candidates`), and one of which it is not known
/// whether it comes before.
fn first<'a>(
    tables: &'a Tables,
    matching: &[Candidate<'a>],
) -> Option<(Candidate<'a>, Option<&'a PolicyEntry>)> {
    let first = match tables.policy_order {
        PolicyOrder::ByAge => {
            let lists = [List::Exact, List::Both, List::Src, List::Dst, List::Any];
            let firsts = lists.into_iter().filter_map(|list| first_of(matching, |it| it == list));
            *firsts.min_by_key(|it| it.rank())?
        }
        PolicyOrder::ByPlace => {
            let exact = first_of(matching, |list| list == List::Exact);
            let inexact = first_of(matching, |list| list != List::Exact);
            match (exact, inexact) {
                (Some(exact), Some(inexact)) => match exact.priority().cmp(&inexact.priority()) {
                    Ordering::Equal if tables.is_first_inexact(inexact.entry) => *inexact,
                    Ordering::Less | Ordering::Equal => *exact,
                    Ordering::Greater => *inexact,
                },
                (exact, inexact) => *exact.or(inexact)?,
            }
        }
    };
    let rival = matching.iter().find(|it| it.is_rival_of(&first, tables));
    Some((first, rival.map(|it| it.entry)))
}

/// The first candidate of some lists.
fn first_of<'b, 'a>(
    candidates: &'b [Candidate<'a>],
    is_in: impl Fn(List) -> bool,
) -> Option<&'b Candidate<'a>> {
    let candidates = candidates.iter().filter(|it| is_in(it.list));
    candidates.reduce(|first, it| if it.is_before(first) { it } else { first })
}

/// IPv6's loopback address is exempt from catch-alls, as IPv4's loopback device is from policies.
fn is_loopback(flow: &Flow, direction: Direction) -> bool {
    direction != Direction::Fwd && flow.src().is_loopback() && flow.dst().is_loopback()
}

#[cfg(test)]
mod tests;
