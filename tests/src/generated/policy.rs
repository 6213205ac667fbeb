use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
};

use model::{
    Action, AddressPair, Direction, Level, Policy, PolicyId, Prefix, Priority, Proto, ReqId,
    Selector, Template, TemplateMode, Upper,
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{ends, lifetimes, mark, seldom};

/// Policies of all that PF_KEY can say, and some that the kernel refuses.
pub fn policy_of_pfkey() -> impl Strategy<Value = Policy> {
    let tunnel = ends().prop_map(TemplateMode::Tunnel);
    let mode = prop_oneof![Just(TemplateMode::Transport), tunnel];
    let level = prop_oneof![level(), Just(Level::Unique(None))];
    policies(template(mode, level), 7).prop_map(|policy| elsewhere(installed_alike(policy)))
}

/// The policy without the templates that are held otherwise than AF_KEY does: `use` on an outbound tunnel, which it refuses, and
/// IPComp's `default`, which it takes for `require`.
fn installed_alike(mut policy: Policy) -> Policy {
    let is_out = policy.id.direction == Direction::Out;
    let Action::Ipsec(templates) = &mut policy.action else { return policy };
    for template in templates {
        let is_tunnel = template.mode != TemplateMode::Transport;
        let otherwise = match template.level {
            Level::Use => is_out && is_tunnel,
            Level::Default => template.proto == Proto::IpComp,
            Level::Require | Level::Unique(_) => false,
        };
        if otherwise {
            template.level = Level::Require;
        }
    }
    policy
}

/// The policy with the tunnels that change the IP version where no SA is: setkey makes SAs fit for such packets, AF_KEY does
/// not.
fn elsewhere(mut policy: Policy) -> Policy {
    let Action::Ipsec(templates) = &mut policy.action else { return policy };
    let is_v4 = policy.id.selector.src().addr().is_ipv4();
    for template in templates {
        if let TemplateMode::Tunnel(ends) = &mut template.mode
            && ends.src().is_ipv4() != is_v4
        {
            let far: IpAddr =
                if is_v4 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
            *ends = AddressPair::new(far, far).expect("one family");
        }
    }
    policy
}

/// Policies of all that Linux 6.1 takes.
pub fn policy() -> impl Strategy<Value = Policy> {
    let mode = prop_oneof![
        Just(TemplateMode::Transport),
        ends().prop_map(TemplateMode::Tunnel),
        ends().prop_map(TemplateMode::Beet),
    ];
    let extensions = (seldom(mark()), seldom(any::<u32>().prop_map(NonZeroU32::new)));
    (policies(template(mode, level()), 6), extensions).prop_map(|(policy, (mark, if_id))| {
        let id = PolicyId { mark, if_id, ..policy.id.clone() };
        acceptable(Policy { id, ..policy })
    })
}

/// The policy without what XFRM does not take together (`validate_tmpl`, net/xfrm/xfrm_user.c).
fn acceptable(mut policy: Policy) -> Policy {
    let Action::Ipsec(templates) = &mut policy.action else { return policy };
    for template in templates {
        let optional = policy.id.direction == Direction::Out && template.level == Level::Use;
        if optional && template.mode != TemplateMode::Transport {
            template.level = Level::Require;
        }
    }
    policy
}

/// The templates without those in transport mode for a packet whose family a tunnel has changed.
fn of_one_family(templates: &mut Vec<Template>, selector: &Selector) {
    let policy = selector.src().addr().is_ipv4();
    let mut packet = policy;
    templates.retain(|template| {
        packet = template.mode.endpoints().map_or(packet, |ends| ends.src().is_ipv4());
        template.mode != TemplateMode::Transport || packet == policy
    });
}

fn policies(
    template: impl Strategy<Value = Template>,
    most: usize,
) -> impl Strategy<Value = Policy> {
    let action = prop_oneof![
        1 => Just(Action::Discard),
        1 => Just(Action::None),
        4 => vec(template, 0..=most).prop_map(Action::Ipsec),
    ];
    let direction = select(vec![Direction::In, Direction::Out, Direction::Fwd]);
    (selector(), direction, priority(), action, seldom(lifetimes())).prop_map(
        |(selector, direction, priority, mut action, lifetimes)| {
            if let Action::Ipsec(templates) = &mut action {
                of_one_family(templates, &selector);
            }
            let id = PolicyId::new(selector, direction);
            Policy { priority, lifetimes, ..Policy::new(id, action) }
        },
    )
}

fn selector() -> impl Strategy<Value = Selector> {
    let v4 = || prefix(any::<[u8; 4]>(), &[0, 8, 20, 24, 31, 32]);
    let v6 = || prefix(any::<[u8; 16]>(), &[0, 3, 32, 64, 127, 128]);
    let ranges = prop_oneof![(v4(), v4()).boxed(), (v6(), v6()).boxed()];
    (ranges, upper()).prop_map(|((src, dst), (upper, src_port, dst_port))| {
        let mut selector = Selector::new(src, dst).expect("one family");
        (selector.upper, selector.src_port, selector.dst_port) = (upper, src_port, dst_port);
        selector
    })
}

/// Host bits stay.
fn prefix<A: Into<IpAddr> + std::fmt::Debug>(
    address: impl Strategy<Value = A>,
    lengths: &'static [u32],
) -> impl Strategy<Value = Prefix> {
    (address, select(lengths))
        .prop_map(|(address, length)| Prefix::new(address.into(), Some(length)).expect("it fits"))
}

/// A protocol and its ports, or what stands in for them.
fn upper() -> impl Strategy<Value = (Upper, u16, u16)> {
    let with_ports =
        prop_oneof![Just(Upper::Any), select(vec![6, 17, 132]).prop_map(Upper::Number)];
    let with_type = select(vec![Upper::ICMP, Upper::ICMPV6, Upper::MH]);
    prop_oneof![
        Just((Upper::Any, 0, 0)),
        (1..=254_u8).prop_map(|number| (Upper::Number(number), 0, 0)),
        (with_ports, seldom(any::<u16>()), any::<u16>()),
        (with_type, 0..=255_u16, 0..=255_u16),
        (Just(Upper::GRE), any::<u16>(), any::<u16>()),
    ]
}

fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![
        select(vec![Priority::DEFAULT, Priority::HIGH, Priority::LOW]),
        any::<u32>().prop_map(Priority)
    ]
}

fn template(
    mode: impl Strategy<Value = TemplateMode>,
    level: impl Strategy<Value = Level>,
) -> impl Strategy<Value = Template> {
    let proto = select(vec![Proto::Esp, Proto::Ah, Proto::IpComp]);
    (proto, mode, level).prop_map(|(proto, mode, level)| Template::new(proto, mode, level))
}

fn level() -> impl Strategy<Value = Level> {
    let unique = (1..=ReqId::MANUAL_MAX.number()).prop_map(|id| Level::Unique(ReqId::new(id)));
    prop_oneof![select(vec![Level::Default, Level::Use, Level::Require]), unique]
}
