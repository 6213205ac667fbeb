use std::cmp::Ordering;

use model::Priority;

/// What orders the policies of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListOrder {
    /// Its priority.
    pub priority: Priority,
    /// The kernel's index.
    pub index: u32,
    /// Its place in the dump: an older policy has a higher one.
    pub place: usize,
}

impl ListOrder {
    /// Whether it comes before another one of its list. A replaced policy keeps its index, and its place if
    /// its priority stays (`xfrm_policy_insert_list`). An index of the upper half was chosen, not counted.
    pub fn is_before(&self, other: &Self) -> bool {
        let are_counted = self.index.max(other.index) < 1 << 31;
        match self.priority.cmp(&other.priority) {
            Ordering::Equal if are_counted => self.index < other.index,
            Ordering::Equal => self.place > other.place,
            order => order.is_lt(),
        }
    }

    /// Whether it comes before another one of its list wherever these were replaced. A policy that was replaced keeps its
    /// index, is the newest of a dump, and follows all of its priority if it had another one before: of two whose
    /// indexes and ages differ in order either may come first.
    pub fn is_surely_before(&self, other: &Self) -> bool {
        match self.priority.cmp(&other.priority) {
            Ordering::Equal => self.index < other.index && self.place > other.place,
            order => order.is_lt(),
        }
    }

    /// Whether it is not known which of two of one list comes first.
    pub fn is_rival_of(&self, other: &Self) -> bool {
        self.place != other.place && !self.is_surely_before(other) && !other.is_surely_before(self)
    }
}
