//! The check of the policy of a received packet (`__xfrm_policy_check`, net/xfrm/xfrm_policy.c).

use model::{
    Action, Demand, Direction, MAX_DEPTH, Mode, Offer, PolicyEntry, SaEntry, SaField, Template,
};

use crate::{
    Flow, Found, InnerVersion, Lookup, Reason, Surroundings, Tables, Verdict, find_policy,
    policy::matches_socket, sa::selector_fits, verdict::Doubt,
};

/// What serves a template of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaOfTemplate<'a> {
    /// The template.
    pub template: &'a Template,
    /// Whether the packet may have come without it.
    pub is_optional: bool,
    /// The SA that it came through.
    pub sa: Option<&'a SaEntry>,
    /// The SAs that do not serve, each with the first field that differs.
    pub mismatches: Vec<(&'a SaEntry, SaField)>,
    /// An SA of the packet that serves no template and would serve this one, were the headers or the templates in another
    /// order.
    pub displaced: Option<&'a SaEntry>,
}

/// The check of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyCheck<'a> {
    /// The direction that it is checked for.
    pub direction: Direction,
    /// The mark that it is checked with in place of its own: the key of a vti device.
    pub vti_key: Option<u32>,
    /// Whether its device has `disable_policy`: then nothing is checked.
    pub is_exempt: bool,
    /// The SA whose selector the packet does not match, if there is one: then no policy is looked up.
    pub outside: Option<&'a SaEntry>,
    /// The policy of the socket, if it matches; then the SPD is not asked.
    pub socket: Option<&'a PolicyEntry>,
    /// The look-up in the SPD.
    pub lookup: Option<Lookup<'a>>,
    /// The policy.
    pub policy: Option<&'a PolicyEntry>,
    /// The templates in the order of the check, last first, up to the one that failed.
    pub templates: Vec<SaOfTemplate<'a>>,
    /// An SA that is not in transport mode and that no template demands.
    pub surplus: Option<&'a SaEntry>,
    /// What becomes of the packet.
    pub verdict: Verdict<'a>,
}

/// Checks a packet that has come through SAs, outermost first.
#[must_use]
pub fn check<'a>(
    tables: &'a Tables,
    direction: Direction,
    flow: &Flow,
    path: &[&'a SaEntry],
    socket: Option<&'a PolicyEntry>,
    surroundings: &Surroundings<'_>,
) -> PolicyCheck<'a> {
    let mut check = PolicyCheck {
        direction,
        vti_key: None,
        is_exempt: socket.is_none() && surroundings.has_no_policy,
        outside: None,
        socket: None,
        lookup: None,
        policy: None,
        templates: Vec::new(),
        surplus: None,
        verdict: Verdict::Clear,
    };
    if check.is_exempt {
        check.verdict = passed(path);
        return check;
    }
    for entry in path.iter().rev() {
        let Some(compared) = entry.sa.selector.map(|own| flow.compare(&own)) else {
            match tables.inner_version {
                _ if selector_fits(entry, flow) != Some(false) => continue,
                InnerVersion::Any => continue,
                InnerVersion::OfSa => {
                    check.outside = Some(entry);
                    check.verdict = Verdict::dropped(Reason::SaSelector, direction);
                }
                InnerVersion::Unknown => check.verdict = Verdict::Unknown(Doubt::InnerVersion),
            }
            return check;
        };
        if !compared.may_match() {
            check.outside = Some(entry);
            check.verdict = Verdict::dropped(Reason::SaSelector, direction);
            return check;
        }
        if !compared.matches() {
            check.verdict = Verdict::Unknown(Doubt::Fields(compared.unknown));
            return check;
        }
    }
    check.socket = socket.filter(|entry| matches_socket(entry, flow));
    let mut found = Found::Nothing;
    check.policy = check.socket;
    if check.socket.is_none() {
        let lookup = find_policy(tables, direction, flow);
        found = lookup.found;
        if let Found::Policy(entry) = found {
            check.policy = Some(entry);
        }
        let doubt = lookup.doubt();
        check.lookup = Some(lookup);
        if let Some(doubt) = doubt {
            check.verdict = Verdict::Unknown(doubt);
            return check;
        }
    }
    check.verdict = match check.policy {
        Some(entry) => with_policy(&mut check, entry, direction, path),
        None => without_policy(tables, found, direction, path),
    };
    check
}

fn without_policy<'a>(
    tables: &Tables,
    found: Found<'_>,
    direction: Direction,
    path: &[&'a SaEntry],
) -> Verdict<'a> {
    let dropped = |reason| Verdict::dropped(reason, direction);
    match found {
        Found::CatchAll => dropped(Reason::CatchAll),
        _ if tables.kernel_default.discards(direction) => dropped(Reason::KernelDefault),
        _ if path.iter().any(|sa| !is_transport(sa)) => dropped(Reason::TunnelWithoutPolicy),
        _ => passed(path),
    }
}

fn with_policy<'a>(
    check: &mut PolicyCheck<'a>,
    entry: &'a PolicyEntry,
    direction: Direction,
    path: &[&'a SaEntry],
) -> Verdict<'a> {
    let dropped = |reason| Verdict::dropped(reason, direction);
    if matches!(entry.policy.action, Action::Discard) {
        return dropped(Reason::Policy);
    }
    let templates = entry.policy.action.templates();
    if templates.len() >= MAX_DEPTH {
        return dropped(Reason::TooManyTemplates);
    }
    let demands = Demand::of(&entry.policy.id, templates).collect::<Vec<_>>();
    let mut next = 0;
    for (place, (template, demand)) in templates.iter().zip(&demands).enumerate().rev() {
        let is_optional = entry.installation.is_optional(place);
        let (mut served, place) = serve(template, demand, is_optional, path, next);
        if place.is_none() {
            let ordered = templates_in_order(entry, path);
            if ordered.is_some_and(|ordered| ordered == templates) {
                // The order is right: an SA around the others is not demanded.
                check.surplus = surplus(&demands, &path[next..]);
            } else {
                served.displaced = displaced(&check.templates, demand, path);
            }
        }
        check.templates.push(served);
        match place {
            Some(place) => next = place,
            None => return dropped(Reason::Templates),
        }
    }
    check.surplus = path[next..].iter().copied().find(|sa| !is_transport(sa));
    match check.surplus {
        Some(_) => dropped(Reason::Templates),
        None => passed(path),
    }
}

/// The first SA, not in transport mode, that serves no template.
fn surplus<'a>(demands: &[Demand], path: &[&'a SaEntry]) -> Option<&'a SaEntry> {
    let serves = |entry: &SaEntry| {
        demands.iter().any(|demand| {
            let is_transport = demand.template.mode.mode() == Mode::Transport;
            mismatch(demand, entry, is_transport).is_none()
        })
    };
    path.iter().copied().find(|entry| !is_transport(entry) && !serves(entry))
}

/// Looks for the SA of a template from this place of the path on (`xfrm_policy_ok`). Returns the place of
/// the next template's; none: the packet is dropped.
fn serve<'a>(
    template: &'a Template,
    demand: &Demand,
    is_optional: bool,
    path: &[&'a SaEntry],
    start: usize,
) -> (SaOfTemplate<'a>, Option<usize>) {
    let (sa, mismatches, displaced) = (None, Vec::new(), None);
    let mut served = SaOfTemplate { template, is_optional, sa, mismatches, displaced };
    let is_transport_template = template.mode.mode() == Mode::Transport;
    let otherwise = is_optional.then_some(start);
    if is_optional && is_transport_template {
        return (served, otherwise);
    }
    for (place, entry) in path.iter().enumerate().skip(start) {
        match mismatch(demand, entry, is_transport_template) {
            None => {
                served.sa = Some(entry);
                return (served, Some(place + 1));
            }
            Some(field) => served.mismatches.push((entry, field)),
        }
        if !is_transport(entry) {
            break;
        }
    }
    (served, otherwise)
}

/// The templates of a policy, the innermost first, in the order in which a packet has their SAs; none: one has no SA.
/// `path` is as in [`crate::InputResult`].
#[must_use]
pub fn templates_in_order(entry: &PolicyEntry, path: &[&SaEntry]) -> Option<Vec<Template>> {
    let templates = entry.policy.action.templates();
    let mut left = Demand::of(&entry.policy.id, templates).collect::<Vec<_>>();
    let mut ordered = Vec::new();
    for sa in path.iter().rev() {
        let serves = |demand: &Demand| {
            mismatch(demand, sa, demand.template.mode.mode() == Mode::Transport).is_none()
        };
        if let Some(place) = left.iter().position(serves) {
            ordered.push(left.remove(place).template);
        }
    }
    left.is_empty().then_some(ordered)
}

/// The SA of the path that a template would be served by, were it not for its place.
fn displaced<'a>(
    served: &[SaOfTemplate<'a>],
    demand: &Demand,
    path: &[&'a SaEntry],
) -> Option<&'a SaEntry> {
    let is_transport = demand.template.mode.mode() == Mode::Transport;
    let is_used =
        |entry: &SaEntry| served.iter().filter_map(|it| it.sa).any(|it| std::ptr::eq(it, entry));
    let mut left = path.iter().copied().filter(|entry| !is_used(entry));
    left.find(|entry| mismatch(demand, entry, is_transport).is_none())
}

/// The first field in which an SA is not what a template demands (`xfrm_state_ok`). The selector was
/// compared with the packet, and in transport mode the addresses are not compared.
fn mismatch(demand: &Demand, entry: &SaEntry, is_transport: bool) -> Option<SaField> {
    demand.mismatches(&Offer::in_any_state(entry)).find(|field| match field {
        SaField::Selector | SaField::Direction => false,
        SaField::Src | SaField::Dst => !is_transport,
        _ => true,
    })
}

fn is_transport(entry: &SaEntry) -> bool {
    entry.sa.mode.installed() == Mode::Transport
}

fn passed<'a>(path: &[&'a SaEntry]) -> Verdict<'a> {
    if path.is_empty() { Verdict::Clear } else { Verdict::Protected(path.to_vec()) }
}

#[cfg(test)]
mod tests;
