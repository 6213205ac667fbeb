use std::net::{IpAddr, Ipv4Addr};

use model::{
    ActionKind, Direction, Level, Lifetimes, Policy, PolicyId, PortMasks, Prefix, Priority,
    PriorityBase, ReqId, Selector, Template, TemplateMode, Upper, names::LookUp,
};

use super::from_model::{Writer, if_id, limits, mark, node};
use crate::tree::{self, Command, Endpoint, Ends, Extension, Offset, Port, Range, Selection};

impl Writer {
    pub(super) fn spd_add(&mut self, policy: &Policy) -> Command {
        let selector = self.selector(&policy.id, &policy.lifetimes);
        let (kind, templates) = (policy.action.kind(), policy.action.templates());
        let text = self.policy_text(policy.id.direction, policy.priority, kind, templates);
        Command::SpdAdd(Selection::Packets(Box::new(selector)), node(text))
    }

    pub(super) fn policy_text(
        &mut self,
        direction: Direction,
        priority: Priority,
        action: ActionKind,
        templates: &[Template],
    ) -> tree::Policy {
        let priority = (priority != Priority::DEFAULT).then(|| self::priority(priority));
        let templates = templates.iter();
        tree::Policy {
            direction: node(direction),
            priority: priority.map(node),
            action: Some(node(action)),
            templates: templates.filter_map(|template| self.template(template)).map(node).collect(),
        }
    }

    fn selector(&mut self, id: &PolicyId, lifetimes: &Lifetimes) -> tree::Selector {
        self.lose_device_masks_and_user(&id.selector);
        let mark = mark(id.mark).map(Extension::Mark);
        let extensions = mark.into_iter().chain(if_id(id.if_id)).chain(limits(lifetimes));
        tree::Selector {
            context: self.context(id.sec_ctx.as_ref()).map(node),
            extensions: extensions.map(node).collect(),
            ..self.packets(&id.selector)
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
                tree::Upper::Number(number.into())
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

    /// What no selector of a script has.
    fn lose_device_masks_and_user(&mut self, packets: &Selector) {
        if let Some(device) = packets.device {
            self.lose(format!("dev {device}"));
        }
        if let Some(PortMasks { src, dst }) = packets.port_masks {
            self.lose(format!("port masks {src:#x} {dst:#x}"));
        }
        if packets.user != 0 {
            self.lose(format!("uid {}", packets.user));
        }
    }

    fn template(&mut self, template: &Template) -> Option<tree::Template> {
        let (mode, ends) = match template.mode {
            TemplateMode::Transport => (tree::Mode::Transport, None),
            TemplateMode::Tunnel(ends) => (tree::Mode::Tunnel, Some(ends)),
            TemplateMode::Beet(ends) => (tree::Mode::Beet, Some(ends)),
            TemplateMode::Other(mode, _) => {
                self.lose(format!("request {}/{}", template.proto.word(), mode.word()));
                return None;
            }
        };
        if template.proto.sa_type().is_none() {
            self.lose(format!("request {}", template.proto.word()));
            return None;
        }
        let ends =
            ends.map(|ends| node(Ends::Addresses(endpoint(ends.src()), endpoint(ends.dst()))));
        let level = Some(self.level(template.level));
        Some(tree::Template { proto: template.proto, mode, ends, level })
    }

    fn level(&mut self, level: Level) -> tree::Level {
        let reqid = level.reqid();
        if let Some(chosen) = reqid.filter(|&reqid| reqid > ReqId::MANUAL_MAX) {
            self.lose(format!("unique#{}", chosen.number()));
        }
        tree::Level { kind: level.kind(), number: reqid.map(|reqid| reqid.number().into()) }
    }
}

fn endpoint(address: IpAddr) -> Endpoint {
    Endpoint { address: node(address.to_string()), port: None }
}

fn range(prefix: Prefix, port: u16) -> Range {
    Range {
        address: node(prefix.addr().to_string()),
        prefix: (!prefix.is_host()).then(|| node(prefix.length().into())),
        port: (port != 0).then(|| node(Port::Number(port.into()))),
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

/// The priority from the nearest named one.
fn priority(priority: Priority) -> tree::Priority {
    // 0 is nearest to `high`, and dumped without a base.
    let base = (priority.0 != 0).then(|| PriorityBase::nearest(priority));
    let from = base.map_or(Priority::DEFAULT, PriorityBase::priority);
    let by = priority.0.abs_diff(from.0);
    let offset = Offset { later: priority > from, by: by.into() };
    tree::Priority { base, offset: (by != 0).then_some(offset) }
}
