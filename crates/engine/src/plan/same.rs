//! Whether an entry of the kernel is the requested one. Counters, sequence numbers and times are no part of that.

use model::{
    Action, AlgorithmMasks, Key, Keyed, Level, Lifetimes, Policy, ReplayState, ReqId, Sa, SaMode,
    Template,
};

/// How an SA of the kernel differs from the requested one of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaDifference {
    /// Not at all.
    None,
    /// In its limits only, which the kernel changes in place (`xfrm_state_update`, net/xfrm/xfrm_state.c).
    Limits,
    /// In what the kernel changes in no SA.
    Lasting,
}

/// Compares an SA with the requested one of its name.
pub fn sa_difference(requested: &Sa, installed: &Sa) -> SaDifference {
    let are_same_keys = is_same_keyed(requested.auth.as_ref(), installed.auth.as_ref())
        && is_same_keyed(requested.crypt.as_ref(), installed.crypt.as_ref())
        && is_same_keyed(requested.aead.as_ref(), installed.aead.as_ref())
        && requested.comp.map(|it| it.kernel) == installed.comp.map(|it| it.kernel);
    if !are_same_keys || lasting(requested) != lasting(installed) {
        SaDifference::Lasting
    } else if requested.lifetimes == installed.lifetimes {
        SaDifference::None
    } else {
        SaDifference::Limits
    }
}

/// What of an SA is compared as it is.
fn lasting(sa: &Sa) -> Sa {
    Sa {
        mode: SaMode::Of(sa.mode.installed()),
        seq: None,
        replay_words: u32::try_from(sa.bitmap_words()).ok(),
        replay_state: ReplayState::default(),
        auth: None,
        crypt: None,
        aead: None,
        comp: None,
        lifetimes: Lifetimes::default(),
        inexpressible: Vec::new(),
        ..sa.clone()
    }
}

fn is_same_keyed(requested: Option<&Keyed>, installed: Option<&Keyed>) -> bool {
    match (requested, installed) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            one.algorithm.kernel == other.algorithm.kernel
                && one.icv_bits == other.icv_bits
                && one.key.bits() == other.key.bits()
                && (one.key == other.key || is_hidden(&other.key))
        }
        _ => false,
    }
}

/// Whether the kernel does not show a key, as in lockdown: its bytes are 0 then.
fn is_hidden(key: &Key) -> bool {
    !key.bytes().is_empty() && key.bytes().iter().all(|byte| *byte == 0)
}

/// Gives each `unique` without a number the one that the installed policy has in its place.
pub fn keep_numbers(requested: &mut Policy, installed: &Policy) {
    let of_engine = |reqid: &ReqId| *reqid > ReqId::MANUAL_MAX;
    let templates = requested.action.templates_mut().iter_mut();
    for (template, other) in templates.zip(installed.action.templates()) {
        let number = other.level.reqid().filter(of_engine);
        let is_same_place = (template.proto, template.mode) == (other.proto, other.mode);
        if template.level == Level::Unique(None) && is_same_place && number.is_some() {
            template.level = Level::Unique(number);
        }
    }
}

/// Whether a policy is the requested one of its name, but for how its templates are installed.
pub fn is_same_policy(requested: &Policy, installed: &Policy) -> bool {
    normalized(requested) == normalized(installed)
}

/// What means the same, written in one way.
fn normalized(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    if policy.action == Action::Ipsec(Vec::new()) {
        policy.action = Action::None;
    }
    let any_algorithm = |template: &mut Template| {
        if template.details.algorithms == AlgorithmMasks::OF_AF_KEY {
            template.details.algorithms = AlgorithmMasks::default();
        }
    };
    policy.action.templates_mut().iter_mut().for_each(any_algorithm);
    policy.unused_templates.iter_mut().for_each(any_algorithm);
    policy
}
