//! What the kernel refuses about the templates of a policy (`validate_tmpl`).

use model::{IpVersion, Mode, Policy, Proto};

use super::Mistake;

pub(super) fn mistake(policy: &Policy) -> Option<Mistake> {
    let mut version = policy.id.selector.version();
    for (place, template) in policy.action.templates().iter().enumerate() {
        let ends = template.mode.endpoints().map(|ends| IpVersion::of(ends.src()));
        match template.mode.mode() {
            Mode::Tunnel | Mode::Beet | Mode::IpTfs => version = ends.unwrap_or(version),
            Mode::RouteOptimization | Mode::InTrigger if ends.is_some_and(|it| it != version) => {
                return Some(Mistake::TemplateVersion(place));
            }
            Mode::Transport | Mode::RouteOptimization | Mode::InTrigger => {}
        }
        if template.proto == Proto::Any {
            return Some(Mistake::TemplateOfAny(place));
        }
    }
    None
}
