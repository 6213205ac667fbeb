//! Policies that no packet reaches, since earlier ones match all of theirs.

use grammar::Part;

use super::{
    code::Code,
    context::TablesInContext,
    entry::{PlacedFinding, PolicyAt},
};

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let policies = &context.tables.policies;
    let mut found = Vec::new();
    for (at, later) in policies.iter().enumerate() {
        // One that ends by itself covers the other for some time only.
        let is_lasting = |first: &usize| policies[*first].policy.lifetimes.hard.is_unlimited();
        let covering = context.cover.covering(&later.policy.id);
        let Some(first) = covering.filter(|first| *first < at).filter(is_lasting).min() else {
            continue;
        };
        let (first, name) = (&policies[first], policies[first].name_for(&later.origin));
        let (code, message) = if has_same_effect(first, later) {
            (
                Code::RedundantPolicy,
                format!("{name} matches all packets of this policy and does the same"),
            )
        } else {
            let action = first.policy.action.word();
            (Code::ShadowedPolicy, format!("{name} matches all packets of this policy: {action}"))
        };
        found.push(later.finding(code, Part::Command, &message));
    }
    found
}

fn has_same_effect(one: &PolicyAt, other: &PolicyAt) -> bool {
    one.policy.action == other.policy.action
}
