//! Which policies of a large SPD decide on a packet: those that are to be read whole.

use model::{Direction, PolicyAddresses, PolicyEntry, PolicyFilter, PolicyHead, SpdInfo};

use crate::{
    Flow, Unfollowed,
    lists::{List, list_between, list_of},
    near::{Nearest, Relation},
    order::ListOrder,
};

/// Packets, and what was seen of an SPD so far, newest policy first. With the policies that it takes
/// [`crate::Tables`] explain these packets as with all.
pub struct Selection {
    lookups: Vec<Lookup>,
    spd: SpdInfo,
    /// Policies so far.
    seen: usize,
    /// Of each direction, the first policy that is not in the hash table.
    first_inexact: Vec<(Direction, ListOrder)>,
    unfollowed: Unfollowed,
}

/// [`Selection::first_inexact`] of these policies, newest first.
#[must_use]
pub fn first_inexact(policies: &[PolicyEntry], spd: SpdInfo) -> Vec<u32> {
    let mut selection = Selection::new(&[], spd);
    for entry in policies {
        selection.takes(&PolicyHead::of(entry));
    }
    selection.first_inexact()
}

/// A packet whose policy is looked up.
struct Lookup {
    direction: Direction,
    flow: Flow,
    near: Nearest<()>,
    /// The policies of the other direction of received packets, which are named if no policy is found.
    near_of_other: Nearest<()>,
}

impl Selection {
    /// For these packets. `spd` has the thresholds of the SPD.
    #[must_use]
    pub fn new(lookups: &[(Direction, Flow)], spd: SpdInfo) -> Self {
        let lookups = lookups.iter().map(|&(direction, flow)| Lookup {
            direction,
            flow,
            near: Nearest::default(),
            near_of_other: Nearest::default(),
        });
        Self {
            lookups: lookups.collect(),
            spd,
            seen: 0,
            first_inexact: Vec::new(),
            unfollowed: Unfollowed::default(),
        }
    }

    /// The indexes of the policies that are the first of those that are not in the hash table, one a direction.
    #[must_use]
    pub fn first_inexact(&self) -> Vec<u32> {
        self.first_inexact.iter().map(|(_, order)| order.index).collect()
    }

    /// What the kernel may decide by, though none of these functions does.
    #[must_use]
    pub fn unfollowed(&self) -> &Unfollowed {
        &self.unfollowed
    }

    fn see_inexact(&mut self, head: &PolicyHead) {
        let direction = head.id.direction;
        if list_of(&head.id.selector, direction, &self.spd) == List::Exact {
            return;
        }
        let order = ListOrder { priority: head.priority, index: head.index, place: self.seen };
        let first = self.first_inexact.iter_mut().find(|(its, _)| *its == direction);
        match first {
            None => self.first_inexact.push((direction, order)),
            Some((_, first)) if order.is_before(first) => *first = order,
            Some(_) => {}
        }
    }
}

impl PolicyFilter for Selection {
    /// A policy of the hash table is so for every packet of which both addresses are others: it is not even near. Of an
    /// ICMP error it may still be the policy of the packet that the error is about.
    fn passes_over(&mut self, addresses: &PolicyAddresses) -> bool {
        let PolicyAddresses { src, dst, direction } = *addresses;
        let is_exact = list_between(src, dst, direction, &self.spd) == List::Exact;
        let passes_over = is_exact
            && self.lookups.iter().all(|Lookup { flow, .. }| {
                !src.contains(flow.src()) && !dst.contains(flow.dst()) && !flow.is_icmp_error()
            });
        self.seen += usize::from(passes_over);
        passes_over
    }

    /// Whether a policy may decide on a packet, or is among the nearest that do not so far.
    fn takes(&mut self, head: &PolicyHead) -> bool {
        self.see_inexact(head);
        self.seen += 1;
        let mut is_taken = false;
        for lookup in &mut self.lookups {
            self.unfollowed.see(head, lookup.direction, &lookup.flow);
            is_taken |= match Relation::of(&head.id, lookup.direction, &lookup.flow) {
                Relation::Candidate(_) => true,
                Relation::Near { distance, .. } => {
                    let is_other = head.id.direction != lookup.direction;
                    let nearest =
                        if is_other { &mut lookup.near_of_other } else { &mut lookup.near };
                    nearest.add((), distance, head.priority.0)
                }
                Relation::None => false,
            };
        }
        is_taken
    }
}
