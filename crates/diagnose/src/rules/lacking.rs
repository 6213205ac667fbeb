//! The templates that no SA serves.

use std::{collections::HashMap, net::IpAddr};

use model::{
    Demand, Direction, Offer, PolicyEntry, Prefix, Proto, SaEntry, SaField, SaState, Template,
};

/// A required template that no SA serves.
#[derive(Debug, Clone, Copy)]
pub struct Lacking<'a> {
    pub policy: &'a PolicyEntry,
    pub template: &'a Template,
    /// An SA that does not serve because of one field, or of its state.
    pub near: Option<(&'a SaEntry, Option<SaField>)>,
    /// Whether a larval SA is there for it.
    pub is_requested: bool,
}

/// The SAs by an address, so that each template looks at few.
pub struct Index<'a> {
    by_src: HashMap<(Proto, IpAddr), Vec<&'a SaEntry>>,
    all: &'a [SaEntry],
}

impl<'a> Index<'a> {
    pub fn new(sas: &'a [SaEntry]) -> Self {
        let mut by_src = HashMap::<_, Vec<_>>::new();
        for entry in sas {
            by_src.entry((entry.sa.proto, entry.sa.ends.src())).or_default().push(entry);
        }
        Self { by_src, all: sas }
    }

    /// The SAs that may serve a demand, and others.
    fn candidates(&self, demand: &Demand) -> Vec<&'a SaEntry> {
        let src: Prefix = demand.src();
        if !src.is_host() {
            return self.all.iter().collect();
        }
        let unspecified: IpAddr = match src.addr() {
            IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        let of = |addr| self.by_src.get(&(demand.template.proto, addr)).into_iter().flatten();
        of(src.addr()).chain(of(unspecified)).copied().collect()
    }

    /// The required templates of a policy that no SA serves.
    pub fn lacking(&self, policy: &'a PolicyEntry) -> Vec<Lacking<'a>> {
        let templates = policy.policy.action.templates();
        let demands = Demand::of(&policy.policy.id, templates).zip(templates).enumerate();
        let required = demands.filter(|(place, _)| !policy.installation.is_optional(*place));
        required
            .filter_map(|(_, (demand, template))| {
                let candidates = self.candidates(&demand);
                let serves =
                    |it: &&SaEntry| Offer::of(it).is_some_and(|offer| demand.is_served_by(&offer));
                if candidates.iter().any(serves) {
                    return None;
                }
                let (near, is_requested) = near(&demand, &candidates);
                Some(Lacking { policy, template, near, is_requested })
            })
            .collect()
    }
}

fn near<'a>(
    demand: &Demand,
    candidates: &[&'a SaEntry],
) -> (Option<(&'a SaEntry, Option<SaField>)>, bool) {
    let (mut near, mut is_requested) = (None, false);
    for &entry in candidates {
        let mut fields = demand.mismatches(&Offer::in_any_state(entry));
        let (first, second) = (fields.next(), fields.next());
        if second.is_some() {
            continue;
        }
        match (entry.state, first) {
            (SaState::Larval, None) => is_requested = true,
            (SaState::Larval, Some(_)) => {}
            (SaState::Dead, None) => near = near.or(Some((entry, None))),
            (_, field) => near = near.or(Some((entry, field))),
        }
    }
    (near, is_requested)
}

/// Whether a policy demands SAs of packets in a direction that is not a copy of another one.
pub fn is_demanding(policy: &PolicyEntry, direction: Direction) -> bool {
    policy.policy.id.direction == direction && !policy.policy.action.templates().is_empty()
}
