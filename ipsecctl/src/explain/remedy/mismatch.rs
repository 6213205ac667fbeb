//! The remedy for SAs that are not those of the templates.

use explain::{Explanation, Flow, PolicyCheck, templates_in_order};
use model::{Policy, SaField};

use crate::statements::{other_algorithms, replacing};

/// What to do.
pub fn of(explanation: &Explanation<'_>) -> String {
    if let Some(udp) = explanation.udp.as_ref().filter(|udp| udp.stops().is_some()) {
        let Flow { dst_port, .. } = udp.flow;
        let port = dst_port.map_or(String::new(), |port| format!("[{port}]"));
        let (src, dst) = (udp.flow.src(), udp.flow.dst());
        return format!(
            "spdadd {src} {dst}{port} udp -P in prio high none; or give the socket the policy `in bypass`: `ipsecctl socket set`"
        );
    }
    if explanation.path().is_empty() {
        return "let the peer protect the packet: its policy for `out` is missing".to_owned();
    }
    let found = explanation.check.as_ref().and_then(|check| by_policy(explanation, check));
    found.unwrap_or_else(|| {
        "make protocol, mode, reqid and endpoints of SA and template the same, or correct the policy of the peer".to_owned()
    })
}

fn by_policy(explanation: &Explanation<'_>, check: &PolicyCheck<'_>) -> Option<String> {
    let (entry, failed) = (check.policy?, check.templates.last()?);
    if check.surplus.is_some() {
        let action = model::Action::Ipsec(super::templates_of(explanation.path()));
        return Some(replacing(&Policy { action, ..entry.policy.clone() }));
    }
    if failed.displaced.is_some()
        && let Some(templates) = templates_in_order(entry, explanation.path())
    {
        let action = model::Action::Ipsec(templates);
        let other = Policy { action, ..entry.policy.clone() };
        return Some(format!("{} or the other order at the peer", replacing(&other)));
    }
    let [(_, SaField::Auth)] = failed.mismatches[..] else { return None };
    Some(other_algorithms(&entry.policy))
}
