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
    /// Of each direction, the policies that may be the first of those that are not in the hash table.
    first_inexact: Vec<(Direction, Vec<ListOrder>)>,
    unfollowed: Unfollowed,
}

/// The most policies that are kept of those that may be the first of a direction.
const MOST_FIRST: usize = 16;

/// [`Selection::first_inexact`] of these policies, newest first.
#[must_use]
pub fn first_inexact(policies: &[PolicyEntry], spd: SpdInfo) -> Vec<Vec<u32>> {
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

    /// The indexes of the policies that may be the first of those that are not in the hash table, a list a direction,
    /// likeliest first. More than one of a direction: some were replaced.
    #[must_use]
    pub fn first_inexact(&self) -> Vec<Vec<u32>> {
        let indexes =
            |(_, orders): &(_, Vec<ListOrder>)| orders.iter().map(|it| it.index).collect();
        self.first_inexact.iter().map(indexes).collect()
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
        let place = self.first_inexact.iter().position(|(its, _)| *its == direction);
        let place = place.unwrap_or_else(|| {
            self.first_inexact.push((direction, Vec::new()));
            self.first_inexact.len() - 1
        });
        let firsts = &mut self.first_inexact[place].1;
        if firsts.iter().any(|it| it.is_surely_before(&order)) {
            return;
        }
        firsts.retain(|it| !order.is_surely_before(it));
        let place = firsts.iter().position(|it| order.is_before(it)).unwrap_or(firsts.len());
        firsts.insert(place, order);
        firsts.truncate(MOST_FIRST);
    }
}

impl PolicyFilter for Selection {
    /// A policy of the hash table is so for every packet of which both addresses are others: it is not even near. Of an
    /// ICMP error it may still be the policy of the packet that the error is about.
    fn passes_over(&mut self, addresses: &PolicyAddresses) -> bool {
        let PolicyAddresses { src, dst, direction } = *addresses;
        let is_exact = list_between(src, dst, direction, &self.spd) == List::Exact;
        let may_be_near = |Lookup { flow, .. }: &Lookup| {
            let is_of_answers = src.contains(flow.dst()) && dst.contains(flow.src());
            src.contains(flow.src())
                || dst.contains(flow.dst())
                || is_of_answers
                || flow.is_icmp_error()
        };
        let passes_over = is_exact && !self.lookups.iter().any(may_be_near);
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
