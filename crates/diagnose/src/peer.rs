//! The tables of the two ends, which are to mirror one another: an SA is the same at both, and what is `out` here
//! is `in` there.

use std::{collections::HashMap, net::IpAddr};

use model::{
    AddressPair, Direction, Key, Keyed, Mode, Policy, PolicyEntry, Proto, Sa, SaEntry, SaState,
    Selector, Spi, Template,
};

use crate::{Cause, Conclusion, Observation, Subject, subject::is_for};

/// An SA as one end has it: what must be the same at both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndSa {
    /// Source and destination.
    pub ends: AddressPair,
    /// The protocol.
    pub proto: Proto,
    /// The SPI or CPI.
    pub spi: Spi,
    /// The mode that is installed.
    pub mode: Mode,
    /// The names of its algorithms, with the length of the integrity check value in bits.
    pub algorithms: Vec<(String, u16)>,
    /// The keys of these algorithms, if they are known.
    pub keys: Option<Vec<Key>>,
    /// Whether it has extended sequence numbers.
    pub esn: bool,
    /// Whether it is encapsulated in UDP or TCP: a NAT may change its addresses.
    pub is_encapsulated: bool,
}

/// A template as one end has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTemplate {
    /// The protocol.
    pub proto: Proto,
    /// The mode.
    pub mode: Mode,
    /// The endpoints, in the modes that have them.
    pub ends: Option<AddressPair>,
}

/// A policy with templates as one end has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndPolicy {
    /// The direction there.
    pub direction: Direction,
    /// The packets that it is for.
    pub selector: Selector,
    /// The templates, innermost first.
    pub templates: Vec<EndTemplate>,
}

/// The tables of the peer.
#[derive(Debug, Clone, Default)]
pub struct PeerTables {
    /// Its SAs.
    pub sas: Vec<EndSa>,
    /// Its policies with templates, but those of sockets.
    pub policies: Vec<EndPolicy>,
}

/// What an SA has to have at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndField {
    /// The mode.
    Mode,
    /// The algorithms.
    Algorithms,
    /// The keys.
    Keys,
    /// Extended sequence numbers.
    Esn,
    /// The encapsulation in UDP or TCP.
    Encapsulation,
    /// The addresses.
    Ends,
}

/// What the two ends do not have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerDifference<'a> {
    /// The peer does not have this SA; an SA that it has between the same addresses.
    SaLacksThere(&'a SaEntry, Option<Spi>),
    /// This host does not have this SA of the peer; an SA that it has between the same addresses.
    SaLacksHere(EndSa, Option<Spi>),
    /// An SA is not the same at both ends.
    SaDiffers(&'a SaEntry, Vec<EndField>),
    /// The peer has no policy for the packets of this one.
    PolicyLacksThere(&'a PolicyEntry),
    /// This host has no policy for the packets of this policy of the peer.
    PolicyLacksHere(EndPolicy),
    /// The templates of the peer for the packets of this policy are others.
    TemplatesDiffer(&'a PolicyEntry, Vec<EndTemplate>),
}

impl EndSa {
    /// An SA of the model.
    #[must_use]
    pub fn of(sa: &Sa) -> Self {
        let keyed = [&sa.crypt, &sa.auth, &sa.aead].into_iter().flatten();
        let name = |it: &Keyed| (it.algorithm.name.to_owned(), it.icv_bits);
        let compression = sa.comp.map(|algorithm| (algorithm.name.to_owned(), 0));
        Self {
            ends: sa.ends,
            proto: sa.proto,
            spi: sa.spi,
            mode: sa.mode.installed(),
            algorithms: keyed.clone().map(name).chain(compression).collect(),
            keys: Some(keyed.map(|it| it.key.clone()).collect()),
            esn: sa.esn,
            is_encapsulated: sa.encap.is_some(),
        }
    }

    fn name(&self) -> (Proto, Spi) {
        (self.proto, self.spi)
    }

    fn differences(&self, other: &Self) -> Vec<EndField> {
        let is_natted = self.is_encapsulated && other.is_encapsulated;
        let keys = self.keys.as_ref().zip(other.keys.as_ref());
        let have_same_algorithms = self.algorithms == other.algorithms;
        [
            (EndField::Ends, is_natted || self.ends == other.ends),
            (EndField::Mode, self.mode == other.mode),
            (EndField::Encapsulation, self.is_encapsulated == other.is_encapsulated),
            (EndField::Algorithms, have_same_algorithms),
            (EndField::Keys, !have_same_algorithms || keys.is_none_or(|(a, b)| a == b)),
            (EndField::Esn, self.esn == other.esn),
        ]
        .into_iter()
        .filter(|(_, agrees)| !agrees)
        .map(|(field, _)| field)
        .collect()
    }
}

impl EndTemplate {
    /// A template of the model.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        let (proto, mode) = (template.proto, template.mode.mode());
        Self { proto, mode, ends: template.mode.endpoints() }
    }
}

impl EndPolicy {
    /// A policy of the model; none: it has no templates.
    #[must_use]
    pub fn of(policy: &Policy) -> Option<Self> {
        let templates: Vec<_> = policy.action.templates().iter().map(EndTemplate::of).collect();
        let (direction, selector) = (policy.id.direction, policy.id.selector);
        (!templates.is_empty()).then_some(Self { direction, selector, templates })
    }

    fn is_for(&self, addr: IpAddr) -> bool {
        let mut ends = self.templates.iter().filter_map(|template| template.ends);
        match ends.next() {
            Some(first) => {
                std::iter::once(first).chain(ends).any(|it| [it.src(), it.dst()].contains(&addr))
            }
            None => self.selector.src().contains(addr) || self.selector.dst().contains(addr),
        }
    }
}

/// Compares the tables with those of the peer.
pub fn differences<'a>(
    observation: &'a Observation,
    peer: &PeerTables,
    subject: Option<Subject>,
) -> Vec<Conclusion<'a>> {
    let addrs = match subject {
        Some(Subject::Peer(addr)) => vec![addr],
        Some(Subject::Spi(_) | Subject::Policy(_)) | None => addresses(observation, peer),
    };
    let mut all = sas(observation, peer, &addrs);
    all.extend(policies(observation, peer, &addrs));
    all.into_iter().map(|it| Conclusion::latent(Cause::Peer(it))).collect()
}

/// The addresses of the peer: its SAs and tunnels all have one of them.
fn addresses(observation: &Observation, peer: &PeerTables) -> Vec<IpAddr> {
    let mut counts = HashMap::<IpAddr, usize>::new();
    let tunnels = peer.policies.iter().flat_map(|it| &it.templates).filter_map(|it| it.ends);
    let hosts = peer.policies.iter().map(|it| it.selector).filter_map(|it| {
        let are_hosts = it.src().is_host() && it.dst().is_host();
        are_hosts.then(|| AddressPair::new(it.src().addr(), it.dst().addr()).ok()).flatten()
    });
    for ends in peer.sas.iter().map(|sa| sa.ends).chain(tunnels).chain(hosts) {
        for addr in [ends.src(), ends.dst()] {
            if !observation.is_local(addr) && !addr.is_unspecified() {
                *counts.entry(addr).or_default() += 1;
            }
        }
    }
    let of_version = |is_v4: bool| {
        let counts = counts.iter().filter(move |(addr, _)| addr.is_ipv4() == is_v4);
        counts.max_by_key(|(_, count)| **count).map(|(addr, _)| *addr)
    };
    [of_version(true), of_version(false)].into_iter().flatten().collect()
}

fn sas<'a>(
    observation: &'a Observation,
    peer: &PeerTables,
    addrs: &[IpAddr],
) -> Vec<PeerDifference<'a>> {
    let here = observation.after.tables.sas.iter();
    let here = here.filter(|entry| !matches!(entry.state, SaState::Larval | SaState::Dead));
    let here: Vec<_> = here.map(|entry| (entry, EndSa::of(&entry.sa))).collect();
    let by_name: HashMap<_, _> = here.iter().map(|(_, end)| (end.name(), end)).collect();
    let there: HashMap<_, _> = peer.sas.iter().map(|end| (end.name(), end)).collect();
    let is_of = |addrs: &[IpAddr], ends: AddressPair| {
        addrs.contains(&ends.src()) || addrs.contains(&ends.dst())
    };
    // An SA of the same ends and protocol that the other end does not have either.
    let near = |own: &EndSa, sas: &[&EndSa], others: &HashMap<(Proto, Spi), &EndSa>| {
        let mut alike = sas.iter().filter(|it| it.ends == own.ends && it.proto == own.proto);
        alike.find(|it| !others.contains_key(&it.name())).map(|it| it.spi)
    };
    let own_ends: Vec<_> = here.iter().map(|(_, end)| end).collect();
    let ends_there: Vec<_> = peer.sas.iter().collect();
    let mut list = Vec::new();
    for (entry, own) in &here {
        match there.get(&own.name()) {
            Some(other) => {
                let differs = own.differences(other);
                if !differs.is_empty() {
                    list.push(PeerDifference::SaDiffers(entry, differs));
                }
            }
            None if is_of(addrs, own.ends) => {
                list.push(PeerDifference::SaLacksThere(entry, near(own, &ends_there, &by_name)));
            }
            None => {}
        }
    }
    for other in &peer.sas {
        let is_known = by_name.contains_key(&other.name());
        let reaches_here = is_of(&observation.host.local, other.ends);
        if !is_known && reaches_here {
            let near = near(other, &own_ends, &there);
            list.push(PeerDifference::SaLacksHere(other.clone(), near));
        }
    }
    list
}

/// The direction of the policy at the other end.
fn mirrored(direction: Direction) -> Option<Direction> {
    match direction {
        Direction::Out => Some(Direction::In),
        Direction::In => Some(Direction::Out),
        Direction::Fwd => None,
    }
}

fn policies<'a>(
    observation: &'a Observation,
    peer: &PeerTables,
    addrs: &[IpAddr],
) -> Vec<PeerDifference<'a>> {
    let here = observation.after.tables.policies.iter();
    let here: Vec<_> =
        here.filter_map(|entry| Some((entry, EndPolicy::of(&entry.policy)?))).collect();
    let mut list = Vec::new();
    for (entry, own) in &here {
        let is_between = addrs.iter().any(|addr| own.is_for(*addr) && is_for(entry, *addr));
        let Some(direction) = mirrored(own.direction).filter(|_| is_between) else { continue };
        let there = peer.policies.iter().filter(|it| it.direction == direction);
        match counterpart(own, there) {
            None => list.push(PeerDifference::PolicyLacksThere(entry)),
            Some(other) if other.templates != own.templates => {
                list.push(PeerDifference::TemplatesDiffer(entry, other.templates.clone()));
            }
            Some(_) => {}
        }
    }
    for other in &peer.policies {
        let reaches_here = observation.host.local.iter().any(|addr| other.is_for(*addr));
        let Some(direction) = mirrored(other.direction).filter(|_| reaches_here) else { continue };
        let own = here.iter().map(|(_, own)| own).filter(|own| own.direction == direction);
        if counterpart(other, own).is_none() {
            list.push(PeerDifference::PolicyLacksHere(other.clone()));
        }
    }
    list
}

/// The policy of the same packets, or else one that has packets in common.
fn counterpart<'p>(
    policy: &EndPolicy,
    others: impl Iterator<Item = &'p EndPolicy> + Clone,
) -> Option<&'p EndPolicy> {
    let packets = |it: &EndPolicy| {
        let selector = &it.selector;
        let ports = (selector.src_port, selector.dst_port);
        (selector.src(), selector.dst(), selector.upper, ports)
    };
    let same = others.clone().find(|other| packets(other) == packets(policy));
    same.or_else(|| {
        let mut others = others;
        others.find(|other| {
            other.selector.overlaps(&policy.selector) && other.templates == policy.templates
        })
    })
}

#[cfg(test)]
mod tests;
