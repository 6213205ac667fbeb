//! The kinds of findings: a file each.

use super::{
    algorithms, context::TablesInContext, ends, entry::PlacedFinding, forward, inbound, keys,
    limits, mtu, neighbours, order, pairs, serving, session, spis, unreachable,
};

/// What a kind has to report.
type Kind = fn(&TablesInContext<'_>) -> Vec<PlacedFinding>;

const KINDS: [Kind; 14] = [
    algorithms::findings,
    keys::findings,
    spis::findings,
    pairs::findings,
    serving::findings,
    order::findings,
    unreachable::findings,
    forward::findings,
    ends::findings,
    neighbours::findings,
    session::findings,
    inbound::findings,
    limits::findings,
    mtu::findings,
];

/// What all kinds have to report.
pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    KINDS.iter().flat_map(|findings| findings(context)).collect()
}
