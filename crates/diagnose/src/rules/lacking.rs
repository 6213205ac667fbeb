//! The templates that no SA serves.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use model::{
    Demand, Direction, Offer, Policy, PolicyEntry, Prefix, Proto, ReqId, SaEntry, SaField, SaState,
    Template,
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

/// The SAs by what a template names, so that each looks at few.
pub struct Index<'a> {
    by_src: HashMap<(Proto, IpAddr), Vec<&'a SaEntry>>,
    by_dst: HashMap<(Proto, IpAddr), Vec<&'a SaEntry>>,
    by_ends: HashMap<(Proto, IpAddr, IpAddr), Vec<&'a SaEntry>>,
    by_reqid: HashMap<(Proto, ReqId), Vec<&'a SaEntry>>,
    all: &'a [SaEntry],
}

impl<'a> Index<'a> {
    pub fn new(sas: &'a [SaEntry]) -> Self {
        let (mut by_src, mut by_dst) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        let (mut by_ends, mut by_reqid) =
            (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for entry in sas {
            let (proto, ends) = (entry.sa.proto, entry.sa.ends);
            by_src.entry((proto, ends.src())).or_default().push(entry);
            by_dst.entry((proto, ends.dst())).or_default().push(entry);
            by_ends.entry((proto, ends.src(), ends.dst())).or_default().push(entry);
            if let Some(reqid) = entry.sa.reqid {
                by_reqid.entry((proto, reqid)).or_default().push(entry);
            }
        }
        Self { by_src, by_dst, by_ends, by_reqid, all: sas }
    }

    /// Whether an SA serves a demand.
    fn serves(&self, demand: &Demand) -> bool {
        self.has(demand, |_| true)
    }

    /// Whether one of these SAs serves a demand.
    fn has(&self, demand: &Demand, is_meant: impl Fn(&SaEntry) -> bool) -> bool {
        let (template, src, dst) = (&demand.template, demand.src(), demand.dst());
        let none: &[&SaEntry] = &[];
        let mut lists = Vec::new();
        if let Some(reqid) = template.reqid() {
            let key = (template.proto, reqid);
            lists.push(vec![self.by_reqid.get(&key).map_or(none, Vec::as_slice)]);
        }
        if src.is_host() && dst.is_host() {
            let srcs = [src.addr(), unspecified(src.addr())];
            let keys = srcs.into_iter().flat_map(|src| {
                [dst.addr(), unspecified(dst.addr())].map(|dst| (template.proto, src, dst))
            });
            let of = |key| self.by_ends.get(&key).map_or(none, Vec::as_slice);
            lists.push(keys.map(of).collect());
        }
        let serves = |it: &SaEntry| {
            is_meant(it) && Offer::of(it).is_some_and(|offer| demand.is_served_by(&offer))
        };
        let length = |list: &Vec<&[&SaEntry]>| list.iter().map(|it| it.len()).sum::<usize>();
        match lists.into_iter().min_by_key(length) {
            Some(list) => list.into_iter().flatten().any(|it| serves(it)),
            None => self.candidates(demand).into_iter().any(serves),
        }
    }

    /// The SAs that may serve a demand, and others: those to its destination, too, whose source may be another.
    fn candidates(&self, demand: &Demand) -> Vec<&'a SaEntry> {
        let (src, dst): (Prefix, Prefix) = (demand.src(), demand.dst());
        if !src.is_host() {
            return self.all.iter().collect();
        }
        let key = |addr| (demand.template.proto, addr);
        let of = |addr| self.by_src.get(&key(addr)).into_iter().flatten();
        let to = self.by_dst.get(&key(dst.addr())).filter(|_| dst.is_host()).into_iter().flatten();
        let to = to.filter(|entry| entry.sa.ends.src() != src.addr());
        of(src.addr()).chain(of(unspecified(src.addr()))).chain(to).copied().collect()
    }

    /// The required templates of a policy that no SA serves.
    pub fn lacking(&self, policy: &'a PolicyEntry) -> Vec<Lacking<'a>> {
        let templates = policy.policy.action.templates();
        let demands = Demand::of(&policy.policy.id, templates).zip(templates).enumerate();
        let required = demands.filter(|(place, _)| !policy.installation.is_optional(*place));
        required
            .filter_map(|(_, (demand, template))| {
                if self.serves(&demand) {
                    return None;
                }
                let (near, is_requested) = near(&demand, &self.candidates(&demand));
                Some(Lacking { policy, template, near, is_requested })
            })
            .collect()
    }

    /// The required templates of a policy that SAs of other selectors alone serve: they leave packets out.
    pub fn partly_served(&self, policy: &'a PolicyEntry) -> Vec<Lacking<'a>> {
        let PolicyEntry { policy: Policy { id, action, .. }, installation, .. } = policy;
        let templates = action.templates();
        let demands = Demand::of(id, templates).zip(templates).enumerate();
        let required = demands.filter(|(place, _)| !installation.is_optional(*place));
        let is_whole = |entry: &SaEntry| entry.sa.selector.is_none_or(|own| own == id.selector);
        required
            .filter(|(_, (demand, _))| !self.has(demand, is_whole))
            .filter_map(|(_, (demand, template))| {
                let serves =
                    |it: &SaEntry| Offer::of(it).is_some_and(|offer| demand.is_served_by(&offer));
                let sa = self.candidates(&demand).into_iter().find(|it| serves(it))?;
                let near = Some((sa, Some(SaField::Selector)));
                Some(Lacking { policy, template, near, is_requested: false })
            })
            .collect()
    }
}

fn unspecified(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
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
