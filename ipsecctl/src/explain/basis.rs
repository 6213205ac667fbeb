//! What an explanation is printed from beside the tables.

use std::{collections::HashMap, net::IpAddr};

use engine::{Requested, Route};
use explain::{
    Doubt, Explanation, Flow, Mtu, OddInside, Oddity, Reason, Resolved, Surroundings, Tables,
    Verdict, resolve,
};
use model::{SaEntry, Template};

use super::routing::{Routing, outermost_tunnel};

/// What a packet is explained from, beside the tables.
pub struct ExplainBasis<'a> {
    /// Partial policies as they were requested.
    pub requested: &'a HashMap<u32, Requested>,
    /// The templates of a partial policy for packets that leave that are not installed.
    pub not_installed: Vec<Resolved<'a>>,
    /// Bytes of the packet before it is transformed.
    pub length: Option<usize>,
    /// The most bytes that its route and the link take.
    pub mtu: Mtu,
    /// Its route.
    pub routing: &'a Routing,
    /// The route of what its SAs make of it.
    pub transformed: Option<Route>,
    /// The packet that was captured, if it is another one than was given; with `is_for_others` the one that was given.
    pub other: Option<Flow>,
    /// Why the packet that was captured is not looked up as it is, if so.
    pub oddity: Option<Oddity>,
    /// What is inside of some of its headers, and not looked up as it is.
    pub inside: Option<OddInside>,
    /// Whether its ports count as 0: it is a fragment that is forwarded.
    pub counts_no_ports: bool,
    /// Whether the packet that was captured is forwarded, and none of its headers undone.
    pub is_for_others: bool,
}

impl ExplainBasis<'_> {
    /// The route of what its SAs make of it, if that leads elsewhere than its own.
    pub fn other_route(&self) -> Option<&Route> {
        let next_hop = |route: &Route| (route.device.name, route.gateway);
        let own = self.routing.route?.ok()?;
        self.transformed.as_ref().filter(|route| next_hop(route) != next_hop(&own))
    }
}

/// The templates that a partial policy for packets that leave was requested with and that are not installed, each with the
/// look-up of its SA.
pub fn not_installed<'a>(
    explanation: &Explanation<'_>,
    tables: &'a Tables,
    requested: &'a HashMap<u32, Requested>,
    surroundings: &Surroundings<'_>,
) -> Vec<Resolved<'a>> {
    let left = explanation.output.as_ref().and_then(|output| output.policy);
    let requested = left.and_then(|entry| Some((entry, requested.get(&entry.index)?)));
    let (Some((installed, requested)), Some(flow)) = (requested, &explanation.flow) else {
        return Vec::new();
    };
    let installed = installed.policy.action.templates();
    // An optional tunnel is installed as a required one.
    let is_installed =
        |it: &Template| installed.iter().any(|own| Template { level: it.level, ..*own } == *it);
    let mut resolved = resolve(tables, requested, flow, surroundings.source);
    resolved.retain(|it| it.search.found.is_none() && !is_installed(it.template));
    resolved
}

/// The route of a packet as it leaves, transformed or in clear.
pub fn transformed(explanation: &Explanation<'_>, routing: &Routing) -> Option<Route> {
    match (&explanation.output.as_ref()?.verdict, explanation.flow?) {
        (Verdict::Protected(sas), flow) => routing.transformed(sas, flow.mark),
        (Verdict::Clear, _) => routing.transformed(&[], 0),
        _ => None,
    }
}

/// The destination of a packet as it leaves, and the SA whose tunnel that is the end of, if it is one.
pub fn destination<'a>(explanation: &Explanation<'a>) -> Option<(Option<&'a SaEntry>, IpAddr)> {
    let own = explanation.flow?.dst();
    match &explanation.output.as_ref()?.verdict {
        Verdict::Protected(sas) => {
            let tunnel = outermost_tunnel(sas);
            Some((tunnel, tunnel.map_or(own, |entry| entry.sa.ends.dst())))
        }
        Verdict::Clear => Some((None, own)),
        Verdict::Dropped { .. } | Verdict::Unknown(_) => None,
    }
}

/// The explanation, with what becomes of the packet on its route where it leaves.
pub fn leaving<'a>(
    explanation: Explanation<'a>,
    route: Option<&Route>,
    routing: &Routing,
) -> Explanation<'a> {
    let Some((tunnel, dst)) = destination(&explanation) else { return explanation };
    if route.is_some_and(|route| !route.is_local && !route.device.link.has_carrier) {
        return explanation.stopped(Reason::NoCarrier);
    }
    if route.is_some_and(|route| routing.has_no_next_hop(route, dst)) {
        return explanation.doubted(Doubt::NextHop);
    }
    match tunnel.and_then(|entry| routing.rule_of_protocol(entry)) {
        Some(preference) => explanation.doubted(Doubt::ProtocolRule(preference)),
        None => explanation,
    }
}

/// The most bytes of a packet: those of its routes, or of Ethernet.
pub fn mtu(transformed: Option<&Route>, routing: &Routing) -> Mtu {
    const OF_ETHERNET: usize = 1500;
    let bytes = |route: &Route| usize::try_from(route.mtu).ok();
    let own = routing.route.and_then(Result::ok);
    Mtu {
        link: transformed.and_then(bytes).unwrap_or(OF_ETHERNET),
        own: own.as_ref().and_then(bytes),
    }
}
