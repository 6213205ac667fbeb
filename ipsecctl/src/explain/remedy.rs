//! The command that would mend what drops a packet, where one is obvious.

mod mismatch;

use explain::{Explanation, Field, Found, Reason, Resolved, Verdict};
use model::{Direction, Level, Prefix, ReqId, SaField};

use super::words;

/// What to do, in a sentence or as a statement of setkey(8); none if that is not obvious, or nothing is wrong.
pub fn of(explanation: &Explanation<'_>) -> Option<String> {
    let Verdict::Dropped { reason, .. } = explanation.verdict else { return None };
    let failed = explanation.output.as_ref().and_then(|output| output.templates.last());
    match reason {
        Reason::NoSa => failed.map(missing_sa),
        Reason::Expired | Reason::SequenceOverflow => {
            Some("add a new SA at both ends, and delete this one".to_owned())
        }
        Reason::TunnelWithoutPolicy | Reason::KernelDefault | Reason::CatchAll => missing_policy(explanation),
        Reason::SaDirection => Some("`ipsecctl show sas -o spi,direction`; add the SA without -dir, or with that of its packets".to_owned()),
        Reason::Templates => Some(mismatch::of(explanation)),
        Reason::UnknownSpi => Some("add the SA that the peer uses: `ipsecctl show sas` there has its SPI".to_owned()),
        Reason::TooManyTemplates => Some("take templates out of the policy: five are the most".to_owned()),
        Reason::NoForwarding => Some("`sysctl -w net.ipv4.ip_forward=1`, for IPv6 `net.ipv6.conf.all.forwarding=1`".to_owned()),
        Reason::TunnelSource => Some("give the host the address, or make the source of SA and template one that it has".to_owned()),
        Reason::NoRoute
        | Reason::UnreachableRoute
        | Reason::ProhibitRoute
        | Reason::BlackholeRoute
        | Reason::ReversePath
        | Reason::Martian
        | Reason::TunnelRoute
        | Reason::Policy
        | Reason::SpiIsTaken
        | Reason::Replay
        | Reason::Larval
        | Reason::Dead
        | Reason::Encapsulation
        | Reason::NestedAh
        | Reason::SaSelector => None,
    }
}

/// The statement that adds an SA for a template.
fn missing_sa(resolved: &Resolved<'_>) -> String {
    let search = &resolved.search;
    if search.larval.is_some() {
        return "start the key management program, or find out why it does not answer the ACQUIRE"
            .to_owned();
    }
    if let Some(near) = search.near.first().filter(|near| near.field == Some(SaField::ReqId)) {
        let wanted = resolved
            .template
            .reqid()
            .map_or("no -u".to_owned(), |id| format!("-u {}", id.number()));
        return format!(
            "delete the SA {:#x} and add it with {wanted}, or set the level of the template to {}",
            near.entry.sa.spi.0,
            level_for(near.entry.sa.reqid)
        );
    }
    let template = resolved.template;
    let reqid = template.reqid().map_or(String::new(), |id| format!(" -u {}", id.number()));
    format!(
        "add {} {} {} SPI -m {}{reqid} KEYS;",
        resolved.local,
        resolved.remote,
        template.proto.word(),
        template.mode.mode().word(),
    )
}

fn level_for(reqid: Option<ReqId>) -> String {
    let level = Level::of_reqid(reqid);
    reqid.map_or(level.word().to_owned(), |id| format!("{}:{}", level.word(), id.number()))
}

/// The statement that adds a policy. One of another direction that matches has its templates.
fn missing_policy(explanation: &Explanation<'_>) -> Option<String> {
    let flow = explanation.flow.as_ref()?;
    let lookup = match &explanation.output {
        Some(output) => output.lookup.as_ref()?,
        None => explanation.check.as_ref()?.lookup.as_ref()?,
    };
    if !matches!(lookup.found, Found::Nothing | Found::CatchAll) {
        return None;
    }
    let direction =
        if explanation.output.is_some() { Direction::Out } else { explanation.direction };
    let like = lookup.near.iter().find(|near| {
        let other = near.entry.policy.id.direction;
        near.field == Field::Direction && direction != Direction::Out && other != Direction::Out
    });
    let (packets, action) = match like {
        Some(near) => {
            let templates = near.entry.policy.action.templates().iter().map(words::template);
            let selector = &near.entry.policy.id.selector;
            let ends = format!("{} {}", prefix(selector.src()), prefix(selector.dst()));
            (ends, templates.collect::<Vec<_>>().join(" "))
        }
        None => (format!("{} {}", flow.src(), flow.dst()), "TEMPLATE".to_owned()),
    };
    Some(format!("spdadd {packets} any -P {} ipsec {action};", direction.word()))
}

fn prefix(prefix: Prefix) -> String {
    format!("{}/{}", prefix.addr(), prefix.length())
}
