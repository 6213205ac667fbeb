//! The command that would mend what drops a packet, where one is obvious.

mod bypass;
mod mismatch;
mod route;
mod sentence;

use explain::{
    Doubt, Explanation, Field, Flow, Found, Integrity, NearPolicy, Outer, Reason, Resolved, Verdict,
};
use grammar::PolicyStatement;
use model::{
    Action, Direction, IpVersion, Level, Mark, Mode, NAT_T_PORT, Policy, PolicyId, Prefix,
    Priority, Proto, ReqId, SaEntry, SaField, Selector, Template, TemplateMode, Upper,
};

use super::{routing::Routing, settings::high_thresh, words};
use crate::statements::{self, in_direction};

/// What to do, in a sentence or as a statement of setkey(8); none if that is not obvious, or nothing is wrong.
pub fn of(explanation: &Explanation<'_>, routing: Option<&Routing>) -> Option<String> {
    let reason = match &explanation.verdict {
        Verdict::Dropped { reason, .. } => *reason,
        Verdict::Unknown(Doubt::NextHop) => return route::of_next_hop(explanation, routing?),
        Verdict::Unknown(Doubt::OuterForwarded) => return route::of_elsewhere(routing?),
        Verdict::Unknown(_) | Verdict::Clear | Verdict::Protected(_) => return None,
    };
    let is_of_policy =
        matches!(reason, Reason::Templates | Reason::CatchAll | Reason::KernelDefault);
    if let Some(again) = route::of_vti(explanation, routing).filter(|_| is_of_policy) {
        return Some(again);
    }
    if let Some(outer) = explanation.outer.as_ref().filter(|outer| outer.stops().is_some()) {
        return is_of_policy.then(|| let_pass(outer)).flatten();
    }
    if let Some(own) = bypass::of(reason, explanation) {
        return Some(own);
    }
    of_reason(reason, explanation, routing)
}

fn of_reason(
    reason: Reason,
    explanation: &Explanation<'_>,
    routing: Option<&Routing>,
) -> Option<String> {
    let failed = explanation.output.as_ref().and_then(|output| output.templates.last());
    let sentence = match reason {
        Reason::NoSa => return failed.map(|failed| missing_sa(explanation, failed)),
        Reason::TunnelWithoutPolicy | Reason::KernelDefault | Reason::CatchAll => {
            return missing_policy_or_selector(explanation);
        }
        Reason::Templates => return Some(mismatch::of(explanation)),
        Reason::NoRoute
        | Reason::UnreachableRoute
        | Reason::ProhibitRoute
        | Reason::BlackholeRoute
        | Reason::NoForwarding
        | Reason::ReversePath
        | Reason::OuterElsewhere
        | Reason::InterfaceLoop
        | Reason::NoCarrier
        | Reason::NoIpv6
        | Reason::TunnelToItself
        | Reason::TunnelRoute => return route::of(reason, explanation, routing),
        Reason::Integrity => return Some(integrity(explanation)),
        Reason::Encapsulation => return Some(same_encapsulation()),
        Reason::NoIpInside => return Some(modes(Mode::Transport, Mode::Tunnel)),
        Reason::IpInside => return Some(modes(Mode::Tunnel, Mode::Transport)),
        Reason::Policy => return behind(explanation),
        Reason::Reassembly => return routing.map(|routing| more_memory(explanation, routing)),
        Reason::UnknownSpi if words::is_of_other_mark(explanation) => sentence::OTHER_MARK,
        Reason::UnknownSpi => sentence::UNKNOWN_SPI,
        Reason::SaSelector if has_no_selector(explanation) => sentence::NO_SELECTOR,
        Reason::SaSelector => sentence::SA_SELECTOR,
        Reason::Expired | Reason::SequenceOverflow => sentence::EXPIRED,
        Reason::SaDirection => sentence::SA_DIRECTION,
        Reason::NoUdpSocket => sentence::NO_UDP_SOCKET,
        Reason::TooManyTemplates => sentence::TOO_MANY_TEMPLATES,
        Reason::TunnelSource => sentence::TUNNEL_SOURCE,
        Reason::InterfaceWithoutSa => sentence::INTERFACE_WITHOUT_SA,
        Reason::InterfaceEnds => sentence::INTERFACE_ENDS,
        Reason::TooLong => sentence::TOO_LONG,
        Reason::Replay => sentence::REPLAY,
        Reason::Larval => sentence::LARVAL,
        Reason::SpiIsTaken => sentence::SPI_IS_TAKEN,
        Reason::Decryption => sentence::DECRYPTION,
        Reason::NestedAh => sentence::NESTED_AH,
        Reason::HopLimit => sentence::HOP_LIMIT,
        Reason::TooManyHeaders => sentence::TOO_MANY_HEADERS,
        Reason::HeaderLength => sentence::HEADER_LENGTH,
        Reason::Martian
        | Reason::Dead
        | Reason::Dummy
        | Reason::TooShort
        | Reason::Keepalive
        | Reason::UdpLength
        | Reason::IpHeader => return None,
    };
    Some(sentence.to_owned())
}

/// What is missing if no policy takes the packet.
fn missing_policy_or_selector(explanation: &Explanation<'_>) -> Option<String> {
    if is_beet_without_selector(explanation) {
        return Some(sentence::BEET.to_owned());
    }
    missing_policy(explanation)
}

fn same_encapsulation() -> String {
    format!(
        "add the SA at both ends with the same encapsulation: with -encap espinudp {NAT_T_PORT} {NAT_T_PORT}, or without"
    )
}

/// As much memory for fragments as the kernel has by itself.
fn more_memory(explanation: &Explanation<'_>, routing: &Routing) -> String {
    let variable = high_thresh(of_fragment(explanation, routing));
    format!("`sysctl -w {variable}=4194304`, the kernel's own value")
}

/// The IP version of a fragment: that of what is inside of the headers that were undone.
fn of_fragment(explanation: &Explanation<'_>, routing: &Routing) -> IpVersion {
    let inside = explanation.flow.filter(|_| explanation.input.is_some());
    inside.map_or_else(|| routing.outer_version(), |flow| flow.version())
}

/// The policy by which a protected packet passes the check that a vti device makes of it.
fn let_pass(outer: &Outer<'_>) -> Option<String> {
    let flow = &outer.flow;
    let ends = Selector::new(Prefix::host(flow.src()), Prefix::host(flow.dst()));
    let mut selector = ends.ok()?;
    selector.upper = flow.upper.map_or(Upper::Any, Upper::Number);
    selector.dst_port = flow.dst_port.unwrap_or(0);
    let id = PolicyId::new(selector, Direction::In);
    let policy = Policy { priority: Priority::HIGH, ..Policy::new(id, Action::None) };
    let is_there = outer.check.policy.is_some_and(|entry| entry.policy.id == policy.id);
    let statement =
        if is_there { statements::replacing(&policy) } else { statements::statement(&policy) };
    Some(format!("{statement} for the protected packet"))
}

/// The policy that would protect the packet, were it not for the one that discards it.
fn behind(explanation: &Explanation<'_>) -> Option<String> {
    let output = explanation.output.as_ref().and_then(|output| output.lookup.as_ref());
    let checked = || explanation.check.as_ref().and_then(|check| check.lookup.as_ref());
    let lookup = output.or_else(checked)?;
    let Found::Policy(found) = lookup.found else { return None };
    let protecting = lookup.later.iter().find(|it| !it.policy.action.templates().is_empty())?;
    Some(format!(
        "policy {} would protect it: give it a better priority than policy {} has, or delete that one",
        protecting.index, found.index
    ))
}

/// Whether the packet comes out of a BEET SA without the addresses that it would have.
fn is_beet_without_selector(explanation: &Explanation<'_>) -> bool {
    let last = explanation.path().last();
    last.is_some_and(|entry| entry.sa.mode.installed() == Mode::Beet && entry.sa.selector.is_none())
}

/// Whether the SA that the packet is outside of has no selector, so that its own IP version decides.
fn has_no_selector(explanation: &Explanation<'_>) -> bool {
    let outside = explanation.check.as_ref().and_then(|check| check.outside);
    outside.is_some_and(|entry| entry.sa.selector.is_none())
}

/// What to do about an SA in another mode than that of the peer.
fn modes(peer: Mode, own: Mode) -> String {
    let [peer, own] = [peer, own].map(Mode::word);
    format!(
        "make the modes of SAs and templates the same at both ends: `-m {peer}` and `esp/{peer}` here, or `-m {own}` and `esp/{own}` at the peer"
    )
}

/// What to compare of an SA whose integrity check failed.
fn integrity(explanation: &Explanation<'_>) -> String {
    let input = explanation.input.as_ref();
    let failed = input.and_then(|input| input.headers.last()).map(|header| header.arrival);
    match failed.and_then(|arrival| arrival.integrity) {
        Some(Integrity::OtherLength(bits)) => format!(
            "add the SA with an ICV of {bits} bits, as the peer has: `ipsecctl show sas -o spi,authentication,aead`"
        ),
        Some(Integrity::OtherEsn) => {
            "add the SA with -esn and a window (-r) at both ends, or at none".to_owned()
        }
        Some(Integrity::OtherUpper { inferred, sent }) if sent > inferred => {
            "add the SA again at both ends: the peer goes on counting from before this one was added".to_owned()
        }
        Some(Integrity::OtherUpper { .. }) => {
            "add the SA again here, where the peer has added its own again and counts from 1; what was captured long before is refused as it should be".to_owned()
        }
        Some(Integrity::OtherSource) => {
            format!("take ESP in place of AH, with -encap espinudp {NAT_T_PORT} {NAT_T_PORT}: AH covers the addresses, and passes no NAT")
        }
        _ if failed.is_some_and(|arrival| arrival.proto == Some(Proto::Ah)) => {
            "compare algorithms and key_fingerprint in `ipsecctl show sas --json` at both ends; AH covers the addresses, and passes no NAT: ESP with -encap espinudp does".to_owned()
        }
        _ => "compare algorithms and key_fingerprint in `ipsecctl show sas --json` at both ends"
            .to_owned(),
    }
}

/// The remedy for a larval SA.
const NO_KEYS: &str =
    "start the key management program, or find out why it does not answer the ACQUIRE";

/// The statement that adds an SA for a template.
fn missing_sa(explanation: &Explanation<'_>, resolved: &Resolved<'_>) -> String {
    let search = &resolved.search;
    if search.larval.is_some() {
        return NO_KEYS.to_owned();
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
    let policy = explanation.output.as_ref().and_then(|output| output.policy);
    let if_id = policy.and_then(|entry| entry.policy.id.if_id);
    let if_id = if_id.map_or(String::new(), |if_id| format!(" -ifid {if_id}"));
    let spi = template.details.spi.map_or("SPI".to_owned(), |spi| format!("{:#x}", spi.0));
    let keys = if template.proto == Proto::IpComp { "-C deflate" } else { "KEYS" };
    format!(
        "add {} {} {} {spi} -m {}{reqid}{if_id} {keys};",
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
    let checked_for = explanation.check.as_ref().map(|check| check.direction);
    if !matches!(lookup.found, Found::Nothing | Found::CatchAll) {
        return None;
    }
    let direction = match explanation.output {
        Some(_) => Direction::Out,
        None => checked_for.unwrap_or(explanation.direction),
    };
    let like = lookup.near.iter().find(|near| {
        let other = near.entry.policy.id.direction;
        near.field == Field::Direction && direction != Direction::Out && other != Direction::Out
    });
    if let Some(near) = like {
        let policy = in_direction(&near.entry.policy, direction);
        // The forward copy of the one to be added is there.
        return Some(statement(policy, direction == Direction::In));
    }
    if let Some(policy) = lookup.near.first().and_then(|near| widened(near, flow)) {
        return Some(statement(policy, false));
    }
    let (src, dst) = (flow.src(), flow.dst());
    if direction == Direction::Out || explanation.path().is_empty() {
        let word = direction.word();
        let protected = match direction {
            Direction::Out => format!("or, protected, `-P {word} ipsec TEMPLATE`"),
            Direction::In | Direction::Fwd => "or have the peer protect it".to_owned(),
        };
        return Some(format!(
            "spdadd {src} {dst} any -P {word} none; lets it pass in clear, {protected}"
        ));
    }
    let of_host = |addr| Prefix::new(addr, None);
    let selector = Selector::new(of_host(src).ok()?, of_host(dst).ok()?).ok()?;
    let mut id = PolicyId::new(selector, direction);
    id.if_id = flow.if_id;
    if let Some(value) = explanation.check.as_ref().and_then(|check| check.vti_key) {
        id.mark = Mark { value, mask: u32::MAX };
    }
    Some(statement(Policy::new(id, Action::Ipsec(templates_of(explanation.path()))), false))
}

/// The templates, the innermost first, of what has come through these SAs.
fn templates_of(path: &[&SaEntry]) -> Vec<Template> {
    let template = |entry: &&SaEntry| {
        let sa = &entry.sa;
        let mode = match sa.mode.installed() {
            Mode::Transport => TemplateMode::Transport,
            mode => TemplateMode::new(mode, sa.ends),
        };
        Template::new(sa.proto, mode, Level::of_reqid(sa.reqid))
    };
    path.iter().rev().map(template).collect()
}

fn statement(policy: Policy, without_copy: bool) -> String {
    let policy = Policy { priority: Priority::DEFAULT, ..policy };
    PolicyStatement { without_copy, ..PolicyStatement::default() }.write(&policy).text.to_string()
}

/// A policy with the protocol or port of the packet, if that is what differs.
fn widened(near: &NearPolicy<'_>, flow: &Flow) -> Option<Policy> {
    let mut policy = near.entry.policy.clone();
    let selector = &mut policy.id.selector;
    let (src_port, dst_port) = flow.compared_ports();
    match near.field {
        Field::Protocol => selector.upper = Upper::Number(flow.upper?),
        Field::SrcPort => selector.src_port = src_port?,
        Field::DstPort => selector.dst_port = dst_port?,
        _ => return None,
    }
    Some(policy)
}
