//! Policies of received packets that demand no protection.

use grammar::Part;
use model::{Direction, Level};

use super::{
    code::Code,
    context::TablesInContext,
    entry::{PlacedFinding, PolicyAt},
};

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let policies = context.tables.policies.iter().filter(|policy| is_optional(policy));
    let message = "`use` lets packets in clear in";
    policies
        .map(|policy| policy.finding(Code::OptionalInbound, Part::Template(0), message))
        .collect()
}

fn is_optional(policy: &PolicyAt) -> bool {
    let templates = policy.policy.action.templates();
    policy.policy.id.direction != Direction::Out
        && !templates.is_empty()
        && templates.iter().all(|template| template.level == Level::Use)
}
