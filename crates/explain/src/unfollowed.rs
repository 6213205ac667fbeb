//! What the kernel looks up and the functions of this crate do not.

use model::{Direction, PolicyFlags, PolicyHead, PolicyType, SaFlags};

use crate::{Doubt, Explanation, Flow, Found, Verdict};

/// The most policies of a kind that are named.
const MOST: usize = 5;

/// The policies by which the kernel may decide otherwise, by their indexes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unfollowed {
    /// Those of type `sub` that match, which it applies beside the others (`CONFIG_XFRM_SUB_POLICY`).
    pub sub: Vec<u32>,
    /// Of an ICMP error that leaves, those with the flag `icmp`: it may be sent by the policy of the packet that it is
    /// about, the other way round (`icmp_route_lookup`, net/ipv4/icmp.c; `xfrm_out_fwd_icmp`).
    pub icmp: Vec<u32>,
    /// Of an ICMP error that is forwarded, those for `fwd`: if none matches it, that of the packet that it is about is
    /// taken, whatever its flags (`xfrm_in_fwd_icmp`, net/xfrm/xfrm_policy.c, Linux 6.8).
    pub forwarded: Vec<u32>,
}

impl Unfollowed {
    /// Sees a policy beside the look-up of a packet.
    pub(crate) fn see(&mut self, head: &PolicyHead, direction: Direction, flow: &Flow) {
        let PolicyHead { id, flags, index, .. } = head;
        if id.direction != direction || id.selector.version() != flow.version() {
            return;
        }
        if id.policy_type == PolicyType::Sub && flow.compare_policy(id).may_match() {
            add(&mut self.sub, *index);
        }
        if id.policy_type != PolicyType::Main || !flow.is_icmp_error() {
            return;
        }
        match direction {
            Direction::Out if flags.contains(PolicyFlags::ICMP) => add(&mut self.icmp, *index),
            Direction::Fwd => add(&mut self.forwarded, *index),
            Direction::Out | Direction::In => {}
        }
    }
}

fn add(indexes: &mut Vec<u32>, index: u32) {
    if indexes.len() < MOST {
        indexes.push(index);
    }
}

impl Explanation<'_> {
    /// The explanation without a verdict, where the kernel may decide by what was not looked up.
    #[must_use]
    pub fn limited_by(mut self, unfollowed: &Unfollowed) -> Self {
        let is_routed =
            !matches!(self.verdict, Verdict::Dropped { reason, .. } if reason.is_of_route());
        if is_routed
            && !matches!(self.verdict, Verdict::Unknown(_))
            && let Some(doubt) = self.doubt_of(unfollowed)
        {
            self.verdict = Verdict::Unknown(doubt);
        }
        self
    }

    fn doubt_of(&self, unfollowed: &Unfollowed) -> Option<Doubt<'static>> {
        let checked = self.check.as_ref().and_then(|check| check.lookup.as_ref());
        let left = self.output.as_ref().filter(|output| output.lookup.is_some());
        if (checked.is_some() || left.is_some()) && !unfollowed.sub.is_empty() {
            return Some(Doubt::SubPolicies(unfollowed.sub.clone()));
        }
        if !self.flow.is_some_and(|flow| flow.is_icmp_error()) {
            return None;
        }
        let is_unprotected = |verdict: &Verdict<'_>| !matches!(verdict, Verdict::Protected(_));
        if left.is_some_and(|output| is_unprotected(&output.verdict)) && !unfollowed.icmp.is_empty()
        {
            return Some(Doubt::IcmpError(unfollowed.icmp.clone()));
        }
        let finds_nothing = checked.is_some_and(|lookup| lookup.found == Found::Nothing);
        if finds_nothing && !unfollowed.forwarded.is_empty() {
            return Some(Doubt::IcmpError(unfollowed.forwarded.clone()));
        }
        // `icmp_rcv`: an SA with the flag has the check repeated for the packet that the error is about.
        let icmp = SaFlags::ICMP;
        let mut sas = self.input.iter().flat_map(|input| &input.headers).filter_map(|it| it.sa);
        let is_repeated = self.check.is_some() && sas.any(|entry| entry.sa.flags.contains(icmp));
        let is_dropped = matches!(self.verdict, Verdict::Dropped { .. });
        (is_dropped && is_repeated).then(|| Doubt::IcmpError(Vec::new()))
    }
}

#[cfg(test)]
mod tests;
