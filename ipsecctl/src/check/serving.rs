//! Policies without an SA, or with one of another mode or reqid; and inbound SAs without replay check.

use std::collections::HashSet;

use grammar::Part;
use model::{Demand, Direction, Level, Mode, Offer, Proto, SaDirection, SaEntry, SaFlags, SaMode};

use super::{
    code::Code,
    context::{TablesInContext, demands, required},
    entry::{PlacedFinding, PolicyAt, SaAt},
};

/// Policies for which all SAs are compared.
const MOST_COMPARISONS: usize = 1000;

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let mut found = without_window(context);
    // Policies alone are those of a key daemon; so are those of a host where one runs.
    if context.tables.sas.is_empty() || context.surroundings.has_key_daemon {
        return found;
    }
    let is_compared = |policy: &&PolicyAt| policy.policy.id.direction != Direction::Fwd;
    let unserved = context.tables.policies.iter().filter(is_compared).filter_map(|policy| {
        let unserved = required(policy).find(|(_, demand)| {
            // The engine chooses the number; no SA of a script has it.
            demand.template.level != Level::Unique(None) && context.serving(demand).next().is_none()
        });
        unserved.map(|(at, demand)| (policy, at, demand))
    });
    for (number, (policy, at, demand)) in unserved.enumerate() {
        let near = (number < MOST_COMPARISONS).then(|| near(context, policy, &demand)).flatten();
        found.push(near.unwrap_or_else(|| {
            let message = "no SA serves this template";
            policy.finding(Code::PolicyWithoutSa, Part::Template(at), message)
        }));
    }
    found
}

/// An SA that would serve a template with one field changed.
fn near(
    context: &TablesInContext<'_>,
    policy: &PolicyAt,
    demand: &Demand,
) -> Option<PlacedFinding> {
    let (mode, reqid) = (demand.template.mode.mode(), demand.template.reqid());
    context.tables.sas.iter().find_map(|at| {
        let sa = &at.entry.sa;
        let serves_with = |change: &dyn Fn(&mut SaEntry)| {
            let mut entry = at.entry.clone();
            change(&mut entry);
            Offer::of(&entry).is_some_and(|offer| demand.is_served_by(&offer))
        };
        let policy = policy.name_for(&at.origin);
        // setkey adds a tunnel for packets of both IP versions.
        let in_mode = |entry: &mut SaEntry| {
            entry.sa.mode = SaMode::Of(mode);
            if mode == Mode::Tunnel {
                entry.sa.flags = entry.sa.flags | SaFlags::ANY_FAMILY;
            }
        };
        if serves_with(&in_mode) {
            let has = sa.mode.installed().word();
            let message = format!(
                "the SA is in {has} mode, the template of {policy} in {} mode",
                mode.word()
            );
            return Some(at.finding(Code::SaOfOtherMode, Part::Mode, &message));
        }
        if serves_with(&|entry| entry.sa.reqid = reqid) {
            let number = |reqid: Option<model::ReqId>| match reqid {
                Some(reqid) => format!("the reqid {}", reqid.number()),
                None => "no reqid".to_owned(),
            };
            let (has, wants) = (number(sa.reqid), number(reqid));
            let message = format!("the SA has {has}, the template of {policy} {wants}");
            return Some(at.finding(Code::SaOfOtherReqId, Part::ReqId, &message));
        }
        None
    })
}

/// Inbound SAs with a replay window of 0.
fn without_window(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let of = |direction| -> HashSet<usize> {
        let policies = context.tables.policies.iter();
        let policies = policies.filter(|policy| policy.policy.id.direction == direction);
        policies
            .flat_map(demands)
            .flat_map(|(_, demand)| context.serving(&demand).collect::<Vec<_>>())
            .collect()
    };
    let (inbound, outbound) = (of(Direction::In), of(Direction::Out));
    let is_inbound = |at: usize, SaAt { entry, .. }: &SaAt| match entry.sa.direction {
        Some(direction) => direction == SaDirection::In,
        // Between any two addresses an SA serves both directions.
        None => inbound.contains(&at) && !outbound.contains(&at),
    };
    let sas = context.tables.sas.iter().enumerate();
    let open = sas.filter(|(at, sa)| {
        let own = &sa.entry.sa;
        own.replay_window == 0 && own.proto != Proto::IpComp && is_inbound(*at, sa)
    });
    let message = "the SA receives packets and has no replay window";
    open.map(|(_, sa)| sa.finding(Code::NoReplayWindow, Part::Command, message)).collect()
}
