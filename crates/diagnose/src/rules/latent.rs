//! What the tables lack, whether packets were sent or not.

use std::collections::HashSet;

use explain::{Flow, Reason, Surroundings, Verdict, output};
use model::{Demand, Direction, IpVersion, Offer, PolicyId};

use super::lacking::{Index, Lacking, is_demanding};
use crate::{Cause, Conclusion, Observation, Subject, context::MOST};

pub fn findings(observation: &Observation, subject: Option<Subject>) -> Vec<Conclusion<'_>> {
    let mut causes = without_sa(observation);
    causes.extend(without_forward(observation));
    if let Some(Subject::Peer(addr)) = subject {
        causes.extend(default_to(observation, addr));
    }
    causes.truncate(MOST);
    causes.into_iter().map(Conclusion::latent).collect()
}

/// Whether a cause is known already.
pub fn is_same(known: &Cause<'_>, new: &Cause<'_>) -> bool {
    match (known, new) {
        (Cause::NoSa { policy: a, .. }, Cause::NoSa { policy: b, .. })
        | (Cause::WrongSource { policy: a, .. }, Cause::NoSa { policy: b, .. })
        | (Cause::NoForward { policy: a, .. }, Cause::NoForward { policy: b, .. }) => {
            a.index == b.index
        }
        (Cause::Expired(gone), Cause::NoSa { policy, template, .. }) => {
            let mut demands = Demand::of(&policy.policy.id, std::slice::from_ref(*template));
            demands.any(|demand| demand.is_served_by(&Offer::in_any_state(gone)))
        }
        (Cause::DefaultDrops { direction: a, .. }, Cause::DefaultDrops { direction: b, .. }) => {
            a == b
        }
        _ => false,
    }
}

/// Policies that no SA serves. With a key manager that is no fault: it adds the SA when a packet needs it.
fn without_sa(observation: &Observation) -> Vec<Cause<'_>> {
    if observation.host.has_key_manager {
        return Vec::new();
    }
    let tables = &observation.after.tables;
    let index = Index::new(&tables.sas);
    let of = |direction| {
        let policies = tables.policies.iter().filter(move |it| is_demanding(it, direction));
        policies.flat_map(|policy| index.lacking(policy)).take(MOST)
    };
    let lacking = of(Direction::Out).chain(of(Direction::In));
    let cause = |Lacking { policy, template, near, is_requested }| Cause::NoSa {
        policy,
        template,
        near,
        is_requested,
        have_expired: false,
    };
    lacking.map(cause).collect()
}

/// Tunnels to networks behind a gateway without a policy for what is forwarded.
fn without_forward(observation: &Observation) -> Vec<Cause<'_>> {
    let policies = &observation.after.tables.policies;
    let forwarded = || policies.iter().filter(|it| it.policy.id.direction == Direction::Fwd);
    let copies: HashSet<&PolicyId> = forwarded().map(|it| &it.policy.id).collect();
    let lacking = policies.iter().filter(|entry| {
        let id = &entry.policy.id;
        let version = IpVersion::of(id.selector.dst().addr());
        let copy = PolicyId { direction: Direction::Fwd, ..id.clone() };
        entry.policy.is_of_gateway()
            && observation.host.forwards.contains(&version)
            && !copies.contains(&copy)
            && !forwarded().any(|it| it.policy.id.selector.overlaps(&id.selector))
    });
    lacking.take(MOST).map(|policy| Cause::NoForward { policy, flow: None }).collect()
}

/// The default policy, if it discards packets to this address.
fn default_to(observation: &Observation, addr: std::net::IpAddr) -> Option<Cause<'_>> {
    let local = observation.host.local.iter().filter(|it| !it.is_loopback());
    let flows = local.filter_map(|local| Flow::new(*local, addr).ok());
    let mut discarded = flows.filter_map(|flow| {
        match output(&observation.after.tables, &flow, None, &Surroundings::default()).verdict {
            Verdict::Dropped { reason: Reason::KernelDefault, .. } => Some((flow, true)),
            Verdict::Dropped { reason: Reason::CatchAll, .. } => Some((flow, false)),
            _ => None,
        }
    });
    let (flow, is_kernels) = discarded.next()?;
    Some(Cause::DefaultDrops { direction: Direction::Out, flow: Some(flow), is_kernels })
}
