//! Which policies match all packets of a selector.

use std::{
    collections::{BTreeSet, HashMap},
    num::NonZeroU32,
};

use model::{Direction, Mark, PolicyId, PolicyType, Prefix, Selector, Upper};

use super::entry::PolicyAt;

/// Everything but masks, mark, device and context.
type SelectorKey = (Direction, PolicyType, Option<NonZeroU32>, Prefix, Prefix, Upper, u16, u16);

/// The policies by their selectors, so that a table of many is not compared with itself.
pub struct Cover<'a> {
    policies: &'a [PolicyAt],
    by_key: HashMap<SelectorKey, Vec<usize>>,
    /// The lengths of the prefixes that there are.
    lengths: BTreeSet<(u8, u8)>,
    /// Those that look at parts of ports.
    masked: Vec<usize>,
}

impl<'a> Cover<'a> {
    /// An index of policies.
    pub fn new(policies: &'a [PolicyAt]) -> Self {
        let mut cover =
            Self { policies, by_key: HashMap::new(), lengths: BTreeSet::new(), masked: Vec::new() };
        for (at, PolicyAt { policy, .. }) in policies.iter().enumerate() {
            let selector = &policy.id.selector;
            if selector.port_masks.is_some() {
                cover.masked.push(at);
                continue;
            }
            cover.lengths.insert((selector.src().length(), selector.dst().length()));
            let ports = (selector.src_port, selector.dst_port);
            let key = key(&policy.id, selector.src(), selector.dst(), selector.upper, ports);
            cover.by_key.entry(key).or_default().push(at);
        }
        cover
    }

    /// The places of the policies that match every packet that a policy of this name matches.
    pub fn covering(&self, id: &PolicyId) -> impl Iterator<Item = usize> {
        let selector = &id.selector;
        let (src, dst) = (selector.src(), selector.dst());
        let mut found: Vec<usize> = self.masked.clone();
        for &(of_src, of_dst) in &self.lengths {
            let (Some(src), Some(dst)) = (cut(src, of_src), cut(dst, of_dst)) else { continue };
            for upper in either(Upper::Any, selector.upper) {
                for src_port in either(0, selector.src_port) {
                    for dst_port in either(0, selector.dst_port) {
                        let key = key(id, src, dst, upper, (src_port, dst_port));
                        found.extend(self.by_key.get(&key).into_iter().flatten());
                    }
                }
            }
        }
        found.retain(|at| covers(&self.policies[*at].policy.id, id));
        found.into_iter()
    }

    /// The policy that packets of a selector find, if one matches all of them.
    pub fn first(&self, id: &PolicyId) -> Option<usize> {
        self.covering(id).min()
    }
}

fn key(id: &PolicyId, src: Prefix, dst: Prefix, upper: Upper, ports: (u16, u16)) -> SelectorKey {
    let length = |prefix: Prefix| cut(prefix, prefix.length()).unwrap_or(prefix);
    (id.direction, id.policy_type, id.if_id, length(src), length(dst), upper, ports.0, ports.1)
}

/// The first bits of a prefix that is not shorter, without host bits.
fn cut(prefix: Prefix, length: u8) -> Option<Prefix> {
    if length > prefix.length() {
        return None;
    }
    let shorter = Prefix::new(prefix.addr(), Some(length.into())).ok()?;
    Prefix::new(shorter.range().0, Some(length.into())).ok()
}

fn either<T: PartialEq>(any: T, one: T) -> impl Iterator<Item = T> {
    let one = (any != one).then_some(one);
    std::iter::once(any).chain(one)
}

/// Whether a policy matches every packet that `other` matches (`xfrm_policy_match`).
fn covers(id: &PolicyId, other: &PolicyId) -> bool {
    id.direction == other.direction
        && id.policy_type == other.policy_type
        && id.if_id == other.if_id
        && (id.sec_ctx.is_none() || id.sec_ctx == other.sec_ctx)
        && covers_mark(id.mark, other.mark)
        && covers_selector(&id.selector, &other.selector)
}

fn covers_mark(one: Mark, other: Mark) -> bool {
    one.mask & !other.mask == 0 && other.value & one.mask == one.value
}

/// Whether a selector matches every packet that `other` matches.
pub fn covers_selector(one: &Selector, other: &Selector) -> bool {
    let (masks, of) = (one.port_masks(), other.port_masks());
    let port = |mask: u16, port: u16, of_mask: u16, of_port: u16| {
        mask & !of_mask == 0 && (port ^ of_port) & mask == 0
    };
    covers_prefix(one.src(), other.src())
        && covers_prefix(one.dst(), other.dst())
        && (one.upper == Upper::Any || one.upper == other.upper)
        && port(masks.src, one.src_port, of.src, other.src_port)
        && port(masks.dst, one.dst_port, of.dst, other.dst_port)
        && (one.device.is_none() || one.device == other.device)
}

fn covers_prefix(one: Prefix, other: Prefix) -> bool {
    one.length() <= other.length() && one.contains(other.addr())
}
