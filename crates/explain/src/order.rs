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
}
