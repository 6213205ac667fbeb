//! Tunnels to networks without a policy for the packets that are forwarded from them.

use grammar::Part;
use model::{Direction, PolicyId};

use super::{
    code::Code,
    context::TablesInContext,
    entry::{PlacedFinding, PolicyAt},
};

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let policies = context.tables.policies.iter();
    let lacking =
        policies.filter(|policy| policy.policy.is_of_gateway() && !has_forward(context, policy));
    let message =
        "packets from this tunnel are not forwarded: no policy of direction fwd matches them";
    lacking.map(|policy| policy.finding(Code::NoForwardPolicy, Part::Direction, message)).collect()
}

fn has_forward(context: &TablesInContext<'_>, policy: &PolicyAt) -> bool {
    let id = PolicyId { direction: Direction::Fwd, ..policy.policy.id.clone() };
    policy.has_copy || context.cover.first(&id).is_some()
}
