use std::net::{IpAddr, Ipv4Addr};

use model::{
    Action, Direction, Level, Lifetimes, Policy, PolicyId, Prefix, Priority, Proto, ReqId, Request,
    RequestMode, Selector, Upper, names::LookUp,
};

use super::from_model::{Writer, if_id, limits, mark, node};
use crate::tree::{self, Base, Command, Endpoint, Ends, Extension, Offset, Port, Range, Selection};

impl Writer {
    pub(super) fn spd_add(&mut self, policy: &Policy) -> Command {
        let selector = self.selector(&policy.id, &policy.lifetimes);
        let action = match policy.action {
            Action::Discard => tree::Action::Discard,
            Action::None => tree::Action::None,
            Action::Ipsec(_) => tree::Action::Ipsec,
        };
        let requests = policy.action.requests();
        let text = self.policy_text(policy.id.direction, policy.priority, action, requests);
        Command::SpdAdd(Selection::Packets(Box::new(selector)), node(text))
    }

    pub(super) fn policy_text(
        &mut self,
        direction: Direction,
        priority: Priority,
        action: tree::Action,
        requests: &[Request],
    ) -> tree::Policy {
        let priority = (priority != Priority::DEFAULT).then(|| self::priority(priority));
        let requests = requests.iter();
        tree::Policy {
            direction: node(direction),
            priority: priority.map(node),
            action: Some(node(action)),
            requests: requests.filter_map(|request| self.request(request)).map(node).collect(),
        }
    }

    fn selector(&mut self, id: &PolicyId, lifetimes: &Lifetimes) -> tree::Selector {
        let packets = &id.selector;
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
        let mark = mark(id.mark).map(Extension::Mark);
        let extensions = mark.into_iter().chain(if_id(id.if_id)).chain(limits(lifetimes));
        tree::Selector {
            look_up: LookUp::default(),
            src: range(packets.src(), ports.0),
            dst: range(packets.dst(), ports.1),
            upper: node(upper),
            misc: misc.map(node),
            context: self.context(id.sec_ctx.as_ref()).map(node),
            extensions: extensions.map(node).collect(),
        }
    }

    fn request(&mut self, request: &Request) -> Option<tree::Request> {
        let (mode, ends) = match request.mode {
            RequestMode::Transport => (tree::Mode::Transport, None),
            RequestMode::Tunnel(ends) => (tree::Mode::Tunnel, Some(ends)),
            RequestMode::Beet(ends) => (tree::Mode::Beet, Some(ends)),
            RequestMode::Other(mode, _) => {
                self.lose(format!("request {}/{}", request.proto.name(), mode.name()));
                return None;
            }
        };
        if Proto::from_name(request.proto.name()).is_none() {
            self.lose(format!("request {}", request.proto.name()));
            return None;
        }
        let ends =
            ends.map(|ends| node(Ends::Addresses(endpoint(ends.src()), endpoint(ends.dst()))));
        let level = Some(self.level(request.level));
        Some(tree::Request { proto: request.proto, mode, ends, level })
    }

    fn level(&mut self, level: Level) -> tree::Level {
        match level {
            Level::Default => tree::Level::Default,
            Level::Use => tree::Level::Use,
            Level::Require => tree::Level::Require,
            Level::Unique(None) => tree::Level::Unique(None),
            Level::Unique(Some(reqid)) => {
                if reqid == ReqId(0) || reqid > ReqId::MANUAL_MAX {
                    self.lose(format!("unique#{}", reqid.0));
                }
                tree::Level::Unique(Some(reqid.0.into()))
            }
        }
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

/// What stands after the protocol, where it is not in the ports.
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
fn priority(Priority(number): Priority) -> tree::Priority {
    let offset = |from: Priority| {
        let later = number > from.0;
        let by = number.abs_diff(from.0);
        (by != 0).then_some(Offset { later, by: by.into() })
    };
    let near = |base, from| tree::Priority { base: Some(base), offset: offset(from) };
    match number {
        // Nearest to `high`, and dumped without a base.
        0 => tree::Priority { base: None, offset: offset(Priority::DEFAULT) },
        1..0x6000_0000 => near(Base::High, Priority::HIGH),
        0x6000_0000..0xA000_0000 => near(Base::Def, Priority::DEFAULT),
        _ => near(Base::Low, Priority::LOW),
    }
}
