//! Causes that a policy has, its default, or one that is missing.

use std::net::IpAddr;

use explain::{Field, Flow};
use model::{Direction, PolicyEntry, SaEntry};

use super::{of_flow, policy};
use crate::explain::words;

pub(super) fn in_clear(entry: &PolicyEntry, flow: Option<&Flow>) -> String {
    format!(
        "packets in clear are dropped by {}: the peer does not protect them{}",
        policy(entry),
        of_flow(flow)
    )
}

pub(super) fn catches_encapsulation(entry: &PolicyEntry, (src, dst): (IpAddr, IpAddr)) -> String {
    format!(
        "ESP in UDP from {src} to {dst} is dropped before it is decapsulated: {} demands SAs of every UDP packet",
        policy(entry)
    )
}

pub(super) fn no_inbound(sa: &SaEntry, flow: Option<&Flow>) -> String {
    format!("no policy takes the packets that come by {}{}", words::sa(sa), of_flow(flow))
}

pub(super) fn no_forward(entry: &PolicyEntry, flow: Option<&Flow>) -> String {
    format!("no fwd policy: packets of {} are not forwarded{}", policy(entry), of_flow(flow))
}

pub(super) fn discards(entry: &PolicyEntry, flow: Option<&Flow>) -> String {
    format!("{} discards packets{}", policy(entry), of_flow(flow))
}

pub(super) fn passes_in_clear(by: &PolicyEntry, demanding: &PolicyEntry, flow: &Flow) -> String {
    format!(
        "packets leave in clear ({}) by {}, while {} demands protection of what comes back",
        words::flow(flow),
        policy(by),
        policy(demanding)
    )
}

pub(super) fn leaves_in_clear(
    entry: &PolicyEntry,
    flow: &Flow,
    near: Option<(&PolicyEntry, Field)>,
) -> String {
    let near = near.map_or(String::new(), |(near, field)| {
        format!("; {} does not match: {}", policy(near), words::differing_field(near, field))
    });
    format!(
        "packets leave in clear ({}), while {} demands protection of what comes back{near}",
        words::flow(flow),
        policy(entry)
    )
}

pub(super) fn default_drops(direction: Direction, flow: Option<&Flow>, is_kernels: bool) -> String {
    let which =
        if is_kernels { "the kernel's default policy" } else { "the default policy (def_policy)" };
    format!(
        "no policy matches, and {which} for {} discards packets{}",
        direction.word(),
        of_flow(flow)
    )
}
