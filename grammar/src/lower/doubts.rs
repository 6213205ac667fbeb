//! What of a policy works otherwise than it seems to, or never.

use model::{ActionKind, IpVersion, LevelKind, ReqId, ScriptOption, Upper};

use super::{
    Doubt, Lowering,
    address_doubts::{ends_of_transport, no_host, tunnel_ends},
    selector::PolicyName,
};
use crate::{
    tree::{Extension, Limit, MarkText, Node, Policy, Port, Selector, Template},
    warning::{Warning, WarningKind},
};

/// The soft limits, each with the hard one of its kind.
const PAIRS: [(Limit, Limit); 4] = [
    (Limit::SoftTime, Limit::HardTime),
    (Limit::SoftBytes, Limit::HardBytes),
    (Limit::SoftUse, Limit::HardUse),
    (Limit::SoftPackets, Limit::HardPackets),
];

impl Lowering<'_> {
    /// The warnings about a policy to add.
    pub(super) fn doubts(
        &self,
        selector: &Selector,
        upper: Upper,
        name: &PolicyName<'_>,
        policy: &Policy,
    ) -> Vec<Warning> {
        let mut found = Vec::new();
        found.extend(port(selector, upper));
        found.extend(other_version(selector, upper, name.version()));
        found.extend(wide_type(selector, upper, name.ports()));
        found.extend(mark(selector));
        found.extend(no_host(selector, name));
        found.extend(late_soft_limit(&selector.extensions));
        found.extend(limits_of_two_kinds(&selector.extensions));
        found.extend(twice(&selector.extensions));
        found.extend(templates(policy));
        found.extend(tunnel_ends(policy));
        found.extend(ends_of_transport(policy));
        found.extend(same_template(policy));
        found.extend(unique(policy));
        let warning = |(kind, span)| Warning::new(kind, self.source, span, span);
        found.into_iter().map(warning).collect()
    }
}

/// A port where it does something else than it seems to.
fn port(selector: &Selector, upper: Upper) -> Option<Doubt> {
    let ports = [&selector.src.port, &selector.dst.port].into_iter().flatten();
    let any = [Port::Any, Port::Number(0)];
    let port = ports.into_iter().find(|port| !any.contains(&port.value))?;
    match upper {
        Upper::Any => Some((WarningKind::PortOfAny, port.span)),
        upper if upper.has_compared_ports() => None,
        Upper::Number(_) => Some((WarningKind::PortOfNone, port.span)),
    }
}

/// ICMP of the other IP version.
fn other_version(selector: &Selector, upper: Upper, version: IpVersion) -> Option<Doubt> {
    let is_other = match version {
        IpVersion::V4 => upper == Upper::ICMPV6,
        IpVersion::V6 => upper == Upper::ICMP,
    };
    is_other.then_some((WarningKind::IcmpOfOtherVersion(version), selector.upper.span))
}

/// A type or code that no packet can have.
fn wide_type(selector: &Selector, upper: Upper, ports: (u16, u16)) -> Option<Doubt> {
    let is_wide = [ports.0, ports.1].iter().any(|&number| number > u8::MAX.into());
    let misc = selector.misc.as_ref()?;
    (upper.has_type_and_code() && is_wide).then_some((WarningKind::WideType, misc.span))
}

/// A soft limit that the hard one of its kind precedes: the kernel looks at the hard one first. 0 is no limit.
pub(super) fn late_soft_limit(extensions: &[Node<Extension>]) -> Option<Doubt> {
    let last = |limit| {
        let found = extensions.iter().rev().find_map(|node| match node.value {
            Extension::Limit(of, at) if of == limit => Some((at, node.span)),
            _ => None,
        });
        found.filter(|(at, _)| *at != 0)
    };
    PAIRS.iter().find_map(|&(soft, hard)| {
        let ((soft, span), (hard, _)) = last(soft).zip(last(hard))?;
        (soft >= hard).then_some((WarningKind::LateSoftLimit, span))
    })
}

/// A hard limit without the soft one of its kind, and a soft one without the hard one. A hard limit of time may end an
/// SA that is replaced after so many bytes.
pub(super) fn limits_of_two_kinds(extensions: &[Node<Extension>]) -> Option<Doubt> {
    if extensions.len() < 2 {
        return None;
    }
    let find = |limit| {
        let is_limit = |node: &&Node<Extension>| matches!(node.value, Extension::Limit(of, at) if of == limit && at != 0);
        extensions.iter().find(is_limit).map(|node| node.span)
    };
    if find(Limit::HardTime).is_some() {
        return None;
    }
    let mut pairs = PAIRS.iter().map(|&(soft, hard)| (find(soft), find(hard)));
    let is_soft = pairs.clone().find_map(|(soft, hard)| soft.filter(|_| hard.is_none()));
    let is_hard = pairs.any(|(soft, hard)| soft.is_none() && hard.is_some());
    is_soft.filter(|_| is_hard).map(|span| (WarningKind::LimitsOfTwoKinds, span))
}

/// A mark that no packet can have.
fn mark(selector: &Selector) -> Option<Doubt> {
    selector.extensions.iter().find_map(|extension| match extension.value {
        Extension::Mark(mark) if is_outside(mark) => {
            Some((WarningKind::MarkOutsideMask, extension.span))
        }
        _ => None,
    })
}

/// Whether a mark has bits that its mask leaves out: the kernel compares it with what the mask leaves.
pub(super) fn is_outside(MarkText { value, mask }: MarkText) -> bool {
    mask.is_some_and(|mask| value & !mask != 0)
}

/// Templates without `ipsec`, or the reverse.
fn templates(policy: &Policy) -> Option<Doubt> {
    let Some(action) = &policy.action else {
        return Some((WarningKind::NoAction, policy.direction.span));
    };
    match (action.value, policy.templates.first()) {
        (ActionKind::Ipsec, None) => Some((WarningKind::NoTemplates, action.span)),
        (ActionKind::None | ActionKind::Discard, Some(template)) => {
            Some((WarningKind::IgnoredTemplates, template.span))
        }
        _ => None,
    }
}

/// An option that a later one of its kind replaces.
pub(super) fn twice(extensions: &[Node<Extension>]) -> Option<Doubt> {
    let mut options = extensions.iter().enumerate();
    options.find_map(|(at, node)| {
        let option = node.value.option();
        // Those that are added up.
        let adds = matches!(
            option,
            ScriptOption::Flag
                | ScriptOption::KernelFlag
                | ScriptOption::Attribute
                | ScriptOption::ZeroLimit
        );
        let mut before = extensions[..at].iter().map(|before| before.value.option());
        let encaps = [ScriptOption::Natt, ScriptOption::Encap];
        if encaps.contains(&option) && before.clone().any(|it| it != option && encaps.contains(&it))
        {
            return Some((WarningKind::TwoEncapsulations, node.span));
        }
        let is_again = before.any(|before| before == option);
        (is_again && !adds).then_some((WarningKind::Twice(option), node.span))
    })
}

/// A template that is there already.
fn same_template(policy: &Policy) -> Option<Doubt> {
    let mut templates = policy.templates.iter().enumerate();
    let again = templates.find(|(at, template)| {
        policy.templates[..*at].iter().any(|before| is_same(&before.value, &template.value))
    });
    again.map(|(_, template)| (WarningKind::SameTemplate, template.span))
}

fn is_same(one: &Template, other: &Template) -> bool {
    let ends = |template: &Template| template.ends.as_ref().map(|ends| ends.value.to_string());
    let named = |template: &Template| (template.proto, template.mode, template.level);
    named(one) == named(other)
        && ends(one) == ends(other)
        && one.details.is_empty()
        && other.details.is_empty()
}

/// A number behind `unique` that is not the one of the template.
fn unique(policy: &Policy) -> Option<Doubt> {
    let most = u64::from(ReqId::MANUAL_MAX.number());
    let template = policy.templates.iter().find(|template| {
        let number = template.value.level.filter(|level| level.kind == LevelKind::Unique);
        number.and_then(|level| level.number).is_some_and(|number| !(1..=most).contains(&number))
    });
    template.map(|template| (WarningKind::UniqueNumber, template.span))
}
