//! The SAs that a packet could have come through, where a header of it names none.

use std::net::IpAddr;

use model::{AddressPair, Direction, Mode, SaDirection, SaEntry, TemplateMode};

use crate::{Flow, Found, InputResult, Tables, find_policy};

/// How many are of use.
const MOST: usize = 3;

/// The first SAs between the ends of the header, as far as these are known: those of the SA around it, of the policy that the
/// packet needs, and of the packet.
pub(crate) fn of_same_ends<'a>(
    tables: &'a Tables,
    direction: Direction,
    input: &InputResult<'_>,
    flow: Option<&Flow>,
) -> Vec<&'a SaEntry> {
    let Some(unknown) = input.headers.last() else { return Vec::new() };
    let arrival = unknown.arrival;
    let ends = match input.path.last() {
        Some(around) if around.sa.mode.installed() == Mode::Transport => {
            vec![pair(around.sa.ends)]
        }
        _ => flow.map_or(Vec::new(), |flow| ends_of(tables, direction, flow)),
    };
    let is_like = |entry: &&SaEntry| {
        let sa = &entry.sa;
        ends.contains(&pair(sa.ends))
            && sa.spi != arrival.spi
            && sa.direction != Some(SaDirection::Out)
            && arrival.proto.is_none_or(|proto| proto == sa.proto)
            && arrival.dst.is_none_or(|dst| dst == sa.ends.dst())
            && !input.path.contains(entry)
    };
    tables.sas.iter().filter(is_like).take(MOST).collect()
}

/// The ends of a packet, and those of the tunnels that its policy demands.
fn ends_of(tables: &Tables, direction: Direction, flow: &Flow) -> Vec<(IpAddr, IpAddr)> {
    let mut ends = vec![(flow.src(), flow.dst())];
    if let Found::Policy(entry) = find_policy(tables, direction, flow).found {
        ends.extend(entry.policy.action.templates().iter().filter_map(
            |template| match template.mode {
                TemplateMode::Tunnel(ends) | TemplateMode::Beet(ends) => Some(pair(ends)),
                TemplateMode::Other(_, ends) => ends.map(pair),
                TemplateMode::Transport => None,
            },
        ));
    }
    ends
}

fn pair(ends: AddressPair) -> (IpAddr, IpAddr) {
    (ends.src(), ends.dst())
}
