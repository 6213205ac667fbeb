//! The look-up of a policy in the SPD (`xfrm_policy_lookup`, net/xfrm/xfrm_policy.c).

use std::cmp::{Ordering, Reverse};

use model::{Direction, PolicyEntry, PolicyType, Prefix};

use crate::{
    Compared, Doubt, Field, Fields, Flow, PolicyOrder, Tables,
    lists::{List, list_of},
};

/// The most policies that are kept of those that nearly match, and of those that match and come later.
const MOST: usize = 5;

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

/// A policy that does not match because of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near<'a> {
    /// The policy.
    pub entry: &'a PolicyEntry,
    /// The field that differs.
    pub field: Field,
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
    pub near: Vec<Near<'a>>,
    /// Policies before the found one that match or not by what is not known of the packet.
    pub doubtful: Vec<Shadow<'a>>,
    /// A policy of the same list and priority of which the kernel does not show whether it comes first:
    /// one of the two was replaced, which changes its place in a dump and may not change that in the list.
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

    /// Whether it comes before another one of its list. A replaced policy keeps its index, and its place if
    /// its priority stays (`xfrm_policy_insert_list`). An index of the upper half was chosen, not counted.
    fn is_before(&self, other: &Self) -> bool {
        let are_counted = self.entry.index.max(other.entry.index) < 1 << 31;
        match self.priority().cmp(&other.priority()) {
            Ordering::Equal if are_counted => self.entry.index < other.entry.index,
            Ordering::Equal => self.place > other.place,
            order => order.is_lt(),
        }
    }

    /// Whether it is not known which of two of a list comes first: their indexes and ages differ in order.
    fn is_rival_of(&self, other: &Self) -> bool {
        let is_alike = self.list == other.list
            && self.entry.policy.priority == other.entry.policy.priority
            && self.place != other.place;
        is_alike && (self.entry.index < other.entry.index) != (self.place > other.place)
    }
}

/// Looks up the policy of a packet.
#[must_use]
pub fn find_policy<'a>(tables: &'a Tables, direction: Direction, flow: &Flow) -> Lookup<'a> {
    let (mut candidates, mut near) = (Vec::new(), NearPolicies::default());
    for (place, entry) in tables.policies.iter().enumerate() {
        let id = &entry.policy.id;
        if id.selector.version() != flow.version() || id.policy_type != PolicyType::Main {
            continue;
        }
        let compared = flow.compare_policy(id);
        if id.direction != direction {
            // Of a received packet the policies of the other of `in` and `fwd` may be meant.
            let are_of_received = ![direction, id.direction].contains(&Direction::Out);
            if are_of_received && compared.matches() {
                near.add(Near { entry, field: Field::Direction }, 0);
            }
        } else if compared.may_match() {
            let list = list_of(&id.selector, direction, &tables.spd);
            candidates.push(Candidate { entry, compared, list, place });
        } else if let Some(field) = compared.differs.only().filter(|_| compared.unknown.is_empty())
        {
            near.add(Near { entry, field }, distance(entry, field, flow));
        }
    }
    let near = near.into_nearest();
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
                    Ordering::Equal if is_first_of_all(tables, inexact) => *inexact,
                    Ordering::Less | Ordering::Equal => *exact,
                    Ordering::Greater => *inexact,
                },
                (exact, inexact) => *exact.or(inexact)?,
            }
        }
    };
    let rival = matching.iter().find(|it| it.is_rival_of(&first));
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

/// Whether a policy is the first of all of its direction that are not in the hash table.
fn is_first_of_all(tables: &Tables, candidate: &Candidate<'_>) -> bool {
    let direction = candidate.entry.policy.id.direction;
    let others = tables.policies.iter().enumerate().filter(|(_, entry)| {
        entry.policy.id.direction == direction
            && list_of(&entry.policy.id.selector, direction, &tables.spd) != List::Exact
    });
    let mut others = others.map(|(place, entry)| Candidate { entry, place, ..*candidate });
    others.all(|other| !other.is_before(candidate))
}

/// IPv6's loopback address is exempt from catch-alls, as IPv4's loopback device is from policies.
fn is_loopback(flow: &Flow, direction: Direction) -> bool {
    direction != Direction::Fwd && flow.src().is_loopback() && flow.dst().is_loopback()
}

/// How far a policy is from matching. Of addresses: the bits that are not alike.
fn distance(entry: &PolicyEntry, field: Field, flow: &Flow) -> u32 {
    let bits =
        |prefix: Prefix, addr| u32::from(prefix.length()).saturating_sub(alike(prefix, addr));
    match field {
        Field::Src => 1 + bits(entry.policy.id.selector.src(), flow.src()),
        Field::Dst => 1 + bits(entry.policy.id.selector.dst(), flow.dst()),
        _ => 0,
    }
}

/// The leading bits that an address and a prefix have in common.
fn alike(prefix: Prefix, addr: std::net::IpAddr) -> u32 {
    use std::net::IpAddr::{V4, V6};
    match (prefix.addr(), addr) {
        (V4(one), V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (V6(one), V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => 0,
    }
}

/// The nearest policies so far, in the order of distance and priority.
#[derive(Default)]
struct NearPolicies<'a>(Vec<((u32, u32), Near<'a>)>);

impl<'a> NearPolicies<'a> {
    fn add(&mut self, near: Near<'a>, distance: u32) {
        let rank = (distance, near.entry.policy.priority.0);
        if self.0.len() == MOST && self.0.last().is_some_and(|(last, _)| *last <= rank) {
            return;
        }
        let place = self.0.partition_point(|(other, _)| *other <= rank);
        self.0.insert(place, (rank, near));
        self.0.truncate(MOST);
    }

    fn into_nearest(self) -> Vec<Near<'a>> {
        self.0.into_iter().map(|(_, near)| near).collect()
    }
}

#[cfg(test)]
mod tests;
