use std::net::{IpAddr, Ipv4Addr};

use model::{
    ActionKind, AlgorithmMasks, Attribute, DeviceName, Direction, Mode, NamedUpper, Policy,
    PolicyType, PortMasks, Prefix, Priority, PriorityBase, ReqId, ScriptOption, Selector, Share,
    Template, TemplateDetails, Upper, names::LookUp,
};

use super::from_model::{Writer, if_id, is_device, limits, mark, node};
use crate::tree::{
    self, Command, Detail, DetailWord, Endpoint, Ends, Extension, Offset, Port, Range, Selection,
};

impl Writer {
    pub(super) fn spd_add(&mut self, policy: &Policy, without_copy: bool) -> Command {
        let mut selector = self.selector(policy);
        if without_copy {
            selector.extensions.push(node(Extension::NoForwardCopy));
        }
        let mut priority = policy.priority;
        if self.dialect.is_bsd() && priority != Priority::DEFAULT {
            self.lose(format!("priority {}", priority.0));
            priority = Priority::DEFAULT;
        }
        let kind = policy.action.kind();
        let used = policy.action.templates().iter().map(|template| Self::template(template, false));
        let unused = policy.unused_templates.iter().map(|template| Self::template(template, true));
        let templates = used.chain(unused).collect();
        let text = Self::policy_text(policy.id.direction, priority, kind, templates);
        Command::SpdAdd(Selection::Packets(Box::new(selector)), node(text))
    }

    pub(super) fn policy_text(
        direction: Direction,
        priority: Priority,
        action: ActionKind,
        templates: Vec<tree::Template>,
    ) -> tree::Policy {
        let priority = (priority != Priority::DEFAULT).then(|| self::priority(priority));
        tree::Policy {
            direction: node(direction),
            priority: priority.map(node),
            action: Some(node(action)),
            templates: templates.into_iter().map(node).collect(),
        }
    }

    /// The templates of a socket's policy.
    pub(super) fn templates(templates: &[Template]) -> Vec<tree::Template> {
        templates.iter().map(|template| Self::template(template, false)).collect()
    }

    fn selector(&mut self, policy: &Policy) -> tree::Selector {
        let mut extensions = self.extensions(policy);
        extensions.retain(|extension| self.has_option(extension.option(), extension));
        let context = self.context(policy.id.sec_ctx.as_ref());
        let context = context.filter(|context| self.has_option(ScriptOption::Context, context));
        tree::Selector {
            context: context.map(node),
            extensions: extensions.into_iter().map(node).collect(),
            ..self.packets(&policy.id.selector)
        }
    }

    /// Addresses, upper-layer protocol and ports of a selector.
    pub(super) fn packets(&mut self, packets: &Selector) -> tree::Selector {
        let ports = (packets.src_port, packets.dst_port);
        let misc = misc(packets);
        let ports = if misc.is_some() { (0, 0) } else { ports };
        let upper = match packets.upper {
            Upper::Any => tree::Upper::Any,
            Upper::Number(number) => {
                if Upper::from_pfkey(number) != packets.upper {
                    self.lose(format!("proto {number}"));
                }
                upper_of(number)
            }
        };
        tree::Selector {
            look_up: LookUp::default(),
            src: range(packets.src(), ports.0),
            dst: range(packets.dst(), ports.1),
            upper: node(upper),
            misc: misc.map(node),
            context: None,
            extensions: Vec::new(),
        }
    }

    fn extensions(&mut self, policy: &Policy) -> Vec<Extension> {
        let (id, packets) = (&policy.id, &policy.id.selector);
        let device = packets.device.and_then(|device| self.device(device, "dev"));
        let offload = policy.offload.and_then(|device| self.device(device, "offload"));
        let masks = packets.port_masks;
        let masks =
            masks.map(|PortMasks { src, dst }| Extension::PortMasks(src.into(), dst.into()));
        let user = (packets.user != 0).then_some(Extension::User(packets.user.into()));
        let kind = (id.policy_type != PolicyType::Main).then_some(id.policy_type);
        for Attribute { number, value } in &policy.unknown {
            self.lose(format!("attribute {number} of {} bytes", value.bytes().len()));
        }
        let zero = policy.zero_limits.words();
        let flags = policy.flags.words().filter_map(|word| word.parse().ok());
        masks
            .into_iter()
            .chain(device.map(Extension::Device))
            .chain(user)
            .chain(mark(id.mark).map(Extension::Mark))
            .chain(if_id(id.if_id))
            .chain(kind.map(Extension::PolicyType))
            .chain(flags.map(Extension::PolicyFlag))
            .chain(offload.map(Extension::PolicyOffload))
            .chain(limits(policy.lifetimes))
            .chain(zero.filter_map(|word| word.parse().ok()).map(Extension::ZeroLimit))
            .collect()
    }

    /// The name of a device, if a script can have it.
    fn device(&mut self, device: DeviceName, what: &str) -> Option<String> {
        let name = device.to_string();
        let is_word = is_device(&name);
        if !is_word {
            self.lose(format!("{what} {}", name.escape_default()));
        }
        is_word.then_some(name)
    }

    /// A template. Behind one that is `unused`, or that has endpoints in transport mode, is always a detail, without
    /// which they mean nothing.
    fn template(template: &Template, is_unused: bool) -> tree::Template {
        let (mode, ends) = (template.mode.mode(), template.mode.endpoints());
        let TemplateDetails { reqid, spi, algorithms, share } = template.details;
        let (number, level_reqid) = match template.level.reqid() {
            Some(reqid) if reqid <= ReqId::MANUAL_MAX => (Some(reqid), None),
            reqid => (None, reqid),
        };
        let all = AlgorithmMasks::default();
        let mask = |mask: u32, all: u32| (mask != all).then_some(mask);
        let numbers = [
            (DetailWord::ReqId, level_reqid.or(reqid).map(ReqId::number)),
            (DetailWord::Spi, spi.map(|spi| spi.0)),
            (DetailWord::CryptMask, mask(algorithms.crypt, all.crypt)),
            (DetailWord::AuthMask, mask(algorithms.auth, all.auth)),
            (DetailWord::CompMask, mask(algorithms.comp, all.comp)),
        ];
        let numbers = numbers.into_iter().filter_map(|(word, number)| Some((word, number?)));
        let mut details: Vec<Detail> =
            numbers.map(|(word, number)| Detail::Number(word, number.into())).collect();
        let needs_detail = is_unused || (mode == Mode::Transport && ends.is_some());
        let share =
            share.or((needs_detail && details.is_empty()).then(|| Share::of(template.level)));
        details.extend(share.map(Detail::Share));
        let endpoint = |address| Endpoint { address: node(address), port: None };
        let end = |address: IpAddr| endpoint(address.to_string());
        tree::Template {
            proto: template.proto,
            mode,
            ends: ends.map(|ends| node(Ends::Addresses(end(ends.src()), end(ends.dst())))),
            level: Some(tree::Level {
                kind: template.level.kind(),
                number: number.map(|reqid| reqid.number().into()),
            }),
            details: details.into_iter().map(node).collect(),
        }
    }
}

fn range(prefix: Prefix, port: u16) -> Range {
    Range {
        address: node(prefix.addr().to_string()),
        prefix: (!prefix.is_host()).then(|| node(prefix.length().into())),
        port: (port != 0).then(|| node(Port::Number(port.into()))),
    }
}

/// A protocol, by its name where every dialect reads the same one.
fn upper_of(number: u8) -> tree::Upper {
    let name = |named: NamedUpper| tree::Upper::Name(named.word().to_owned());
    match Upper::Number(number) {
        Upper::ICMP => name(NamedUpper::Icmp),
        Upper::TCP => tree::Upper::Tcp,
        Upper::UDP => name(NamedUpper::Udp),
        Upper::GRE => name(NamedUpper::Gre),
        Upper::ICMPV6 => name(NamedUpper::Icmpv6),
        _ => tree::Upper::Number(number.into()),
    }
}

/// What follows the protocol, where it is not in the ports.
fn misc(packets: &Selector) -> Option<String> {
    let (src, dst) = (packets.src_port, packets.dst_port);
    if (src, dst) == (0, 0) {
        return None;
    }
    if packets.upper == Upper::GRE {
        let key = Ipv4Addr::from_bits(u32::from(src) << 16 | u32::from(dst));
        return Some(key.to_string());
    }
    packets.upper.has_type_and_code().then(|| format!("{src},{dst}"))
}

/// The largest distance from a named priority that is written as such.
const NEAR: u32 = 1000;

/// The priority from a named one that is near, or its number.
fn priority(priority: Priority) -> tree::Priority {
    let base = PriorityBase::nearest(priority);
    let from = base.priority();
    let by = priority.0.abs_diff(from.0);
    if by > NEAR {
        return tree::Priority::Number(priority.0.into());
    }
    let offset = Offset { later: priority > from, by: by.into() };
    tree::Priority::From { base: Some(base), offset: (by != 0).then_some(offset) }
}
