//! The statements that a remedy consists of.

use model::{
    AddressPair, AlgorithmMasks, Direction, Policy, ReplayState, Sa, SaEntry, Selector,
    TemplateMode,
};

/// The statement of a policy.
pub fn statement(policy: &Policy) -> String {
    grammar::script_of_policy(policy).text.to_string()
}

/// The statement that replaces the policy of the same name.
pub fn replacing(policy: &Policy) -> String {
    statement(policy).replacen("spdadd", "spdupdate", 1)
}

/// The same policy with other ends of a tunnel.
pub fn with_ends(policy: &Policy, ends: AddressPair, other: AddressPair) -> Policy {
    let mut policy = policy.clone();
    let templates = policy.action.templates_mut().iter_mut();
    for template in templates.filter(|it| it.mode.endpoints() == Some(ends)) {
        template.mode = TemplateMode::new(template.mode.mode(), other);
    }
    policy
}

/// What to do about an SA whose algorithm is none of the templates'.
pub fn other_algorithms(policy: &Policy) -> String {
    let mut other = policy.clone();
    for template in other.action.templates_mut() {
        template.details.algorithms = AlgorithmMasks::default();
    }
    format!("{} which takes all algorithms, or an SA with one of the auth-mask", replacing(&other))
}

/// The statement of an SA, without its keys and sequence numbers.
pub fn add(sa: &Sa) -> String {
    let sa = Sa { replay_state: ReplayState::default(), ..sa.clone() };
    grammar::redacted_script_of_sa(&sa, |_| "KEY".to_owned()).text.to_string()
}

/// The statement that deletes an SA.
pub fn delete(entry: &SaEntry) -> String {
    let sa = &entry.sa;
    let mark = if sa.mark.is_none() { String::new() } else { format!(" -mark {}", sa.mark) };
    format!("delete {} {} {} {:#x}{mark};", sa.ends.src(), sa.ends.dst(), sa.proto.word(), sa.spi.0)
}

/// The same policy for another direction.
pub fn in_direction(policy: &Policy, direction: Direction) -> Policy {
    let mut other = policy.clone();
    other.id.direction = direction;
    other
}

/// The policy of packets the other way.
pub fn mirrored(policy: &Policy) -> Policy {
    let mut other = in_direction(policy, policy.id.direction.at_other_end());
    let selector = policy.id.selector;
    if let Ok(mut reversed) = Selector::new(selector.dst(), selector.src()) {
        reversed.upper = selector.upper;
        (reversed.src_port, reversed.dst_port) = (selector.dst_port, selector.src_port);
        other.id.selector = reversed;
    }
    for template in other.action.templates_mut() {
        if let Some(ends) = template.mode.endpoints()
            && let Ok(ends) = AddressPair::new(ends.dst(), ends.src())
        {
            template.mode = TemplateMode::new(template.mode.mode(), ends);
        }
    }
    other
}
