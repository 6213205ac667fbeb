//! Policies that packets may pass without an SA. While the SA is replaced they would pass in clear.

use model::{Demand, Direction, Level, Offer, Policy, PolicyEntry, Template};

use super::step::Step;

/// The policy to install while these SAs are replaced, if packets could pass it in clear meanwhile.
pub fn requiring(entry: &PolicyEntry, replaced: &[Offer]) -> Option<Policy> {
    let policy = &entry.policy;
    let templates = policy.action.templates();
    if replaced.is_empty()
        || policy.id.direction != Direction::Out
        || !templates.iter().any(may_be_optional)
    {
        return None;
    }
    let is_served = |demand: Demand| {
        may_be_optional(&demand.template) && replaced.iter().any(|sa| demand.is_served_by(sa))
    };
    if !Demand::of(&policy.id, templates).any(is_served) {
        return None;
    }
    let mut policy = policy.clone();
    policy.action.templates_mut().iter_mut().filter(|it| may_be_optional(it)).for_each(require);
    Some(policy)
}

/// What the SAs that are replaced offer to templates.
pub fn offers(replaced: &[Step]) -> Vec<Offer> {
    let installed = replaced.iter().filter_map(|step| match step {
        Step::ReplaceSa { installed, .. } => Some(installed),
        _ => None,
    });
    installed.filter_map(|entry| Offer::of(entry)).collect()
}

fn may_be_optional(template: &Template) -> bool {
    matches!(template.level, Level::Use | Level::Default)
}

fn require(template: &mut Template) {
    template.level = Level::Require;
    template.details.share = None;
}
