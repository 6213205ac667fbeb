//! The comparison of the two ends. An SA is found by its SPI, a policy by its packets: tables may be large.

use std::{collections::HashMap, hash::Hash, net::IpAddr};

use model::{
    AddressPair, Direction, IpVersion, PolicyEntry, Prefix, Proto, SaEntry, Selector, Spi, Upper,
};

use super::{
    EndPolicy, EndSa, EndTemplate, PeerDifference, PeerTables, is_whole, overlapping::Overlapping,
};
use crate::{Cause, Conclusion, Observation, Subject, context::MOST, subject::is_for};

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

/// The items by a key that several may have.
fn grouped<'i, I, K: Eq + Hash>(
    items: impl IntoIterator<Item = &'i I>,
    key: impl Fn(&I) -> K,
) -> HashMap<K, Vec<&'i I>> {
    let mut groups = HashMap::<K, Vec<&I>>::new();
    for item in items {
        groups.entry(key(item)).or_default().push(item);
    }
    groups
}

/// The SAs of one end, by SPI and by addresses.
struct EndSas<'e> {
    by_name: HashMap<(Proto, Spi), Vec<&'e EndSa>>,
    by_ends: HashMap<(Proto, AddressPair), Vec<&'e EndSa>>,
}

impl<'e> EndSas<'e> {
    fn new(sas: impl Iterator<Item = &'e EndSa> + Clone) -> Self {
        let by_ends = grouped(sas.clone(), |end| (end.proto, end.ends));
        Self { by_name: grouped(sas, EndSa::name), by_ends }
    }

    /// The same SA.
    fn counterpart(&self, own: &EndSa) -> Option<&'e EndSa> {
        let named = self.by_name.get(&own.name())?.iter().copied();
        // Those of several marks have one SPI.
        named
            .filter(|it| it.may_be(own))
            .min_by_key(|it| (it.ends != own.ends, own.differences(it).len()))
    }

    /// The SPI of an SA with the addresses of `own` that the other end does not have either.
    fn near(&self, own: &EndSa, other: &EndSas<'_>) -> Option<Spi> {
        let mut alike = self.by_ends.get(&(own.proto, own.ends))?.iter();
        alike.find(|it| other.counterpart(it).is_none()).map(|it| it.spi)
    }
}

fn sas<'a>(
    observation: &'a Observation,
    peer: &PeerTables,
    addrs: &[IpAddr],
) -> Vec<PeerDifference<'a>> {
    let entries = observation.after.tables.sas.iter().filter(|entry| is_whole(entry));
    let here: Vec<_> = entries.map(|entry| (entry, EndSa::of(&entry.sa))).collect();
    let own_sas = EndSas::new(here.iter().map(|(_, end)| end));
    let other_sas = EndSas::new(peer.sas.iter());
    let is_of = |addrs: &[IpAddr], ends: AddressPair| {
        addrs.contains(&ends.src()) || addrs.contains(&ends.dst())
    };
    let of_here = here.iter().filter_map(|(entry, own): &(&'a SaEntry, _)| {
        match other_sas.counterpart(own) {
            Some(other) => {
                let differs = own.differences(other);
                (!differs.is_empty()).then_some(PeerDifference::SaDiffers(entry, differs))
            }
            None if is_of(addrs, own.ends) => {
                Some(PeerDifference::SaLacksThere(entry, other_sas.near(own, &own_sas)))
            }
            None => None,
        }
    });
    let of_peer = peer.sas.iter().filter(|other| {
        own_sas.counterpart(other).is_none() && is_of(&observation.host.local, other.ends)
    });
    let of_peer = of_peer
        .map(|other| PeerDifference::SaLacksHere(other.clone(), own_sas.near(other, &other_sas)));
    of_here.take(MOST).chain(of_peer.take(MOST)).collect()
}

/// The direction of the policy at the other end.
fn mirrored(direction: Direction) -> Option<Direction> {
    match direction {
        Direction::Out => Some(Direction::In),
        Direction::In => Some(Direction::Out),
        Direction::Fwd => None,
    }
}

/// What a policy is for.
type Packets = (Direction, Prefix, Prefix, Upper, u16, u16);

fn packets(direction: Direction, selector: &Selector) -> Packets {
    let (src, dst) = (selector.src(), selector.dst());
    (direction, src, dst, selector.upper, selector.src_port, selector.dst_port)
}

/// The policies of one end, by their packets and by their tunnels.
struct EndPolicies<'e> {
    by_packets: HashMap<Packets, Vec<&'e EndPolicy>>,
    by_templates: HashMap<(Direction, IpVersion, &'e [EndTemplate]), Overlapping<'e>>,
}

impl<'e> EndPolicies<'e> {
    fn new(policies: impl Iterator<Item = &'e EndPolicy> + Clone) -> Self {
        let by_packets = grouped(policies.clone(), |it| packets(it.direction, &it.selector));
        let mut groups = HashMap::<_, Vec<_>>::new();
        for it in policies {
            let key = (it.direction, it.selector.version(), it.templates.as_slice());
            groups.entry(key).or_default().push(it);
        }
        let by_templates =
            groups.into_iter().map(|(key, group)| (key, Overlapping::new(&group))).collect();
        Self { by_packets, by_templates }
    }

    /// The policy of the same packets, or else one of the same tunnels that has packets in common.
    fn counterpart(&self, policy: &EndPolicy, direction: Direction) -> Option<&'e EndPolicy> {
        let same = self.by_packets.get(&packets(direction, &policy.selector));
        same.and_then(|same| same.first().copied()).or_else(|| {
            let key = (direction, policy.selector.version(), policy.templates.as_slice());
            self.by_templates.get(&key)?.find(policy)
        })
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
    let own_policies = EndPolicies::new(here.iter().map(|(_, own)| own));
    let other_policies = EndPolicies::new(peer.policies.iter());
    let of_here = here.iter().filter_map(|(entry, own): &(&'a PolicyEntry, _)| {
        let is_between = addrs.iter().any(|addr| own.is_for(*addr) && is_for(entry, *addr));
        let direction = mirrored(own.direction).filter(|_| is_between)?;
        match other_policies.counterpart(own, direction) {
            None => Some(PeerDifference::PolicyLacksThere(entry)),
            Some(other) => (other.templates != own.templates)
                .then(|| PeerDifference::TemplatesDiffer(entry, other.templates.clone())),
        }
    });
    let of_peer = peer.policies.iter().filter(|other| {
        let reaches_here = observation.host.local.iter().any(|addr| other.is_for(*addr));
        let direction = mirrored(other.direction).filter(|_| reaches_here);
        direction.is_some_and(|it| own_policies.counterpart(other, it).is_none())
    });
    let of_peer = of_peer.map(|other| PeerDifference::PolicyLacksHere(other.clone()));
    of_here.take(MOST).chain(of_peer.take(MOST)).collect()
}
