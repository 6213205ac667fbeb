//! What an explanation is printed from beside the tables.

use std::collections::HashMap;

use engine::Requested;
use explain::{Explanation, Mtu, Resolved, Surroundings, Tables, Verdict, resolve};
use model::Template;

use super::routing::Routing;

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

/// The most bytes of a packet: those of its route, or of Ethernet.
pub fn mtu(explanation: &Explanation<'_>, routing: &Routing) -> Mtu {
    const OF_ETHERNET: usize = 1500;
    let output = explanation.output.as_ref().map(|output| &output.verdict);
    let link = match (output, explanation.flow) {
        (Some(Verdict::Protected(sas)), Some(flow)) => routing.mtu(sas, flow.mark),
        (Some(Verdict::Clear), Some(_)) => routing.mtu(&[], 0),
        _ => None,
    };
    let bytes = |mtu: Option<u32>| mtu.and_then(|bytes| usize::try_from(bytes).ok());
    Mtu { link: bytes(link).unwrap_or(OF_ETHERNET), own: bytes(routing.mtu(&[], 0)) }
}
