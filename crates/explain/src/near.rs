//! Policies that nearly match: one field of the packet is another one.

use std::net::IpAddr;

use model::{Direction, PolicyEntry, PolicyId, PolicyType, Prefix};

use crate::{Compared, Field, Flow};

/// The most policies that are kept of those that nearly match.
pub const MOST: usize = 5;

/// What is added to a distance where less than half of the bits of a prefix are alike.
const FAR: u32 = 256;

/// A policy that does not match because of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearPolicy<'a> {
    /// The policy.
    pub entry: &'a PolicyEntry,
    /// The field that differs.
    pub field: Field,
}

impl NearPolicy<'_> {
    /// Whether it may be the one that was meant, though another one is found: not by its addresses, or it
    /// is for fewer of them and not far away.
    pub(crate) fn is_likelier_than(&self, found: &PolicyEntry, flow: &Flow) -> bool {
        let bits = |entry: &PolicyEntry| {
            let selector = &entry.policy.id.selector;
            u32::from(selector.src().length()) + u32::from(selector.dst().length())
        };
        match self.field {
            Field::Src | Field::Dst => {
                bits(self.entry) > bits(found)
                    && distance(&self.entry.policy.id, self.field, flow) < FAR
            }
            // The policy of what answers it.
            Field::Swapped => false,
            _ => true,
        }
    }
}

/// What a policy is to the look-up of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It matches, or does so if what is not known of the packet does.
    Candidate(Compared),
    /// One field differs. A higher distance is further from matching.
    Near {
        /// The field.
        field: Field,
        /// Of addresses the bits that are not alike and 1, and more if those are most; of others 0.
        distance: u32,
    },
    /// Another one.
    None,
}

impl Relation {
    /// That of a policy of this name.
    pub fn of(id: &PolicyId, direction: Direction, flow: &Flow) -> Self {
        if id.selector.version() != flow.version() || id.policy_type != PolicyType::Main {
            return Relation::None;
        }
        let compared = flow.compare_policy(id);
        if id.direction != direction {
            // Of a received packet those of the other of `in` and `fwd` are meant rather than those for `out`.
            let are_of_received = ![direction, id.direction].contains(&Direction::Out);
            return if compared.matches() {
                Relation::Near { field: Field::Direction, distance: (!are_of_received).into() }
            } else {
                Relation::None
            };
        }
        if compared.may_match() {
            return Relation::Candidate(compared);
        }
        if flow.src() != flow.dst() && flow.reversed().compare_policy(id).matches() {
            return Relation::Near { field: Field::Swapped, distance: 0 };
        }
        let field = compared.differs.only().filter(|_| compared.unknown.is_empty());
        let near = |field| Relation::Near { field, distance: distance(id, field, flow) };
        field.map_or(Relation::None, near)
    }
}

/// How far a policy is from matching.
fn distance(id: &PolicyId, field: Field, flow: &Flow) -> u32 {
    let bits = |prefix: Prefix, addr| {
        let (length, alike) = (u32::from(prefix.length()), alike(prefix, addr));
        let far = if 2 * alike < length { FAR } else { 0 };
        1 + length.saturating_sub(alike) + far
    };
    match field {
        Field::Src => bits(id.selector.src(), flow.src()),
        Field::Dst => bits(id.selector.dst(), flow.dst()),
        _ => 0,
    }
}

/// The leading bits that an address and a prefix have in common.
fn alike(prefix: Prefix, addr: IpAddr) -> u32 {
    use IpAddr::{V4, V6};
    match (prefix.addr(), addr) {
        (V4(one), V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (V6(one), V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => 0,
    }
}

/// The nearest policies so far, in the order of distance and priority.
pub struct Nearest<T>(Vec<((u32, u32), T)>);

impl<T> Default for Nearest<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Nearest<T> {
    /// Takes a policy if it is among the nearest.
    pub fn add(&mut self, near: T, distance: u32, priority: u32) -> bool {
        let rank = (distance, priority);
        if self.0.len() == MOST && self.0.last().is_some_and(|(last, _)| *last <= rank) {
            return false;
        }
        let place = self.0.partition_point(|(other, _)| *other <= rank);
        self.0.insert(place, (rank, near));
        self.0.truncate(MOST);
        true
    }

    /// The nearest, nearest first.
    pub fn into_nearest(self) -> Vec<T> {
        self.0.into_iter().map(|(_, near)| near).collect()
    }
}
