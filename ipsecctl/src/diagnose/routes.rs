//! What is asked of the routing table.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::IpAddr,
};

use ::diagnose::{Observation, ObservedRoute, Seen};
use engine::{RouteQuery, Routes};
use model::{AddressPair, Counter, Direction, PolicyEntry, Prefix};

/// Routes that are looked up at most.
const MOST: usize = 64;

/// For so many addresses that matter the route; none: there is none.
pub fn read(observation: &Observation) -> io::Result<HashMap<IpAddr, Option<ObservedRoute>>> {
    let addrs = addresses(observation);
    if addrs.is_empty() {
        return Ok(HashMap::new());
    }
    // A UDP socket that connects would be subject to policies.
    let mut routes = Routes::open()?;
    let find = |addr| {
        let route = routes.find(&RouteQuery::to(addr)).ok();
        let observed = route.map(|route| ObservedRoute {
            device: Some(route.device.name),
            gateway: route.gateway,
            src: route.src,
        });
        (addr, observed)
    };
    Ok(addrs.into_iter().map(find).collect())
}

/// The addresses whose routes matter, those of each reason up to a number.
fn addresses(observation: &Observation) -> HashSet<IpAddr> {
    let (mut addrs, counted) = (HashSet::new(), observation.network());
    let arrived = || observation.packets().filter(|seen| !seen.packet.is_outgoing);
    if counted.reverse_path > 0 {
        // Packets of IPsec first.
        let (clear, protected): (Vec<_>, Vec<_>) = arrived().partition(|it| it.packet.is_clear());
        let all = protected.into_iter().chain(clear).map(|seen| seen.packet.ends.0);
        addrs.extend(all.take(MOST));
    }
    let has_no_route = counted.in_no_routes > 0 || counted.out_no_routes != [0, 0];
    if has_no_route || observation.counted(Counter::OutBundleGenError) > 0 {
        let far = tunnels(observation).map(|(_, ends)| ends.dst());
        addrs.extend(far.filter(|addr| !observation.is_local(*addr)).take(MOST));
    }
    if counted.in_no_routes > 0 {
        addrs.extend(others(observation, arrived()).take(MOST));
    }
    if counted.out_no_routes != [0, 0] {
        let inside = tunnels(observation).map(|(entry, _)| entry.policy.id.selector.dst());
        addrs.extend(inside.filter(|it| it.length() > 0).map(Prefix::addr).take(MOST));
    }
    // A tunnel from another host's address, and networks here that do not answer.
    let elsewhere = tunnels(observation).filter(|(_, ends)| !observation.is_local(ends.src()));
    addrs.extend(elsewhere.map(|(_, ends)| ends.dst()).take(MOST));
    let forwarded = observation.packets().filter(|seen| {
        seen.packet.is_outgoing
            && seen.packet.is_clear()
            && !observation.is_local(seen.packet.ends.0)
    });
    addrs.extend(others(observation, forwarded).take(MOST));
    addrs
}

/// The policies for `out` with the ends of their tunnels.
fn tunnels(observation: &Observation) -> impl Iterator<Item = (&PolicyEntry, AddressPair)> {
    let policies = observation.after.tables.policies.iter();
    let out = policies.filter(|entry| entry.policy.id.direction == Direction::Out);
    out.flat_map(|entry| {
        let templates = entry.policy.action.templates().iter();
        templates.filter_map(move |it| Some((entry, it.mode.endpoints()?)))
    })
}

/// The destinations that are other hosts, of packets in clear.
fn others<'a>(
    observation: &Observation,
    packets: impl Iterator<Item = &'a Seen>,
) -> impl Iterator<Item = IpAddr> {
    let clear = packets.filter(|seen| seen.packet.is_clear()).map(|seen| seen.packet.ends.1);
    clear.filter(|addr| !observation.is_local(*addr) && !addr.is_multicast())
}
