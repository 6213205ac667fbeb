//! From the model to script text: the way back of [`crate::lower`].

use std::net::{IpAddr, Ipv4Addr};

use model::{
    Action, Algorithm, Direction, EncapKind, Keyed, Level, Lifetimes, Mark, Mode, Policy, PolicyId,
    Prefix, Priority, Proto, ReqId, Request, RequestMode, Sa, SaFlags, SecCtx, Selector,
    SocketAction, SocketPolicy, Upper, names::LookUp,
};
use zeroize::Zeroizing;

use crate::tree::{
    self, Algorithms, Base, Command, Endpoint, Ends, Extension, Host, MarkText, Node, Offset, Port,
    Range, SaEnds, SaName, SaProto, Selection, Span,
};

/// The longest replay window that `-r` takes.
const MAX_REPLAY_WINDOW: u32 = 4096;

/// A statement in the `linux` dialect. It reads back as the same SA or policy if nothing is lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The statement, without a newline; keys stand in it.
    pub text: Zeroizing<String>,
    /// What the language cannot say, in words for a comment: `mode ro`, `icv 112`.
    pub lost: Vec<String>,
}

/// The `add` statement of an SA.
#[must_use]
pub fn script_of_sa(sa: &Sa) -> Written {
    let mut writer = Writer::default();
    let command = writer.add(sa);
    if let Err(refused) = sa.check() {
        writer.lost.push(refused.to_string());
    }
    writer.write(&command)
}

/// The `spdadd` statement of a policy.
#[must_use]
pub fn script_of_policy(policy: &Policy) -> Written {
    let mut writer = Writer::default();
    let command = writer.spd_add(policy);
    if let Err(refused) = policy.check() {
        writer.lost.push(refused.to_string());
    }
    writer.write(&command)
}

/// The policy string of a socket's policy, in the `linux` dialect. What the language cannot say
/// (requests of Mobile IPv6) is left out.
#[must_use]
pub fn text_of_socket_policy(policy: &SocketPolicy) -> String {
    let (action, requests) = match policy.action() {
        SocketAction::Entrust => (tree::Action::Entrust, &[][..]),
        SocketAction::Bypass => (tree::Action::Bypass, &[][..]),
        SocketAction::Discard => (tree::Action::Discard, &[][..]),
        SocketAction::Ipsec(requests) => (tree::Action::Ipsec, &requests[..]),
    };
    let mut writer = Writer::default();
    writer.policy_text(policy.direction(), policy.priority(), action, requests).to_string()
}

fn node<T>(value: T) -> Node<T> {
    Node::new(value, Span::default())
}

/// Makes the tree of a statement, and notes what it cannot say.
#[derive(Default)]
struct Writer {
    lost: Vec<String>,
}

impl Writer {
    fn write(self, command: &Command) -> Written {
        Written { text: Zeroizing::new(command.to_string()), lost: self.lost }
    }

    fn lose(&mut self, what: impl Into<String>) {
        self.lost.push(what.into());
    }

    fn add(&mut self, sa: &Sa) -> Command {
        let (src, dst) = (sa.ends.src(), sa.ends.dst());
        let mut ends = SaEnds {
            look_up: LookUp::default(),
            src: host(src, None),
            dst: host(dst, None),
            proto: self.proto(sa.proto).map(node),
        };
        let mut extensions = Vec::new();
        self.encap(sa, &mut ends, &mut extensions);
        self.sa_options(sa, &mut extensions);
        extensions.extend(limits(&sa.lifetimes));
        let spi = node(u64::from(sa.spi.0));
        let extensions = extensions.into_iter().map(node).collect();
        let algorithms = self.algorithms(sa);
        Command::Add(Box::new(SaName { ends, spi, extensions }), algorithms)
    }

    fn proto(&mut self, proto: Proto) -> Option<SaProto> {
        match proto {
            Proto::Esp => return Some(SaProto::Esp),
            Proto::Ah => return Some(SaProto::Ah),
            Proto::IpComp => return Some(SaProto::IpComp),
            Proto::Routing | Proto::DestOpts | Proto::Any => {}
        }
        self.lose(format!("proto {}", proto.name()));
        None
    }

    /// `esp-udp` where it says enough, else `-natt`.
    fn encap(&mut self, sa: &Sa, ends: &mut SaEnds, extensions: &mut Vec<Extension>) {
        let Some(encap) = sa.encap else { return };
        match encap.kind {
            EncapKind::EspInUdp => {}
            EncapKind::EspInUdpNonIke => return self.lose("encap espinudp-nonike"),
            EncapKind::EspInTcp => return self.lose("encap espintcp"),
        }
        let src = host(sa.ends.src(), Some(encap.src_port));
        let dst = host(sa.ends.dst(), Some(encap.dst_port));
        if sa.proto == Proto::Esp && encap.src_port != 0 && encap.dst_port != 0 {
            (ends.src, ends.dst) = (src, dst);
            ends.proto = Some(node(SaProto::EspUdp(None)));
        } else {
            extensions.push(Extension::Natt(Box::new((src, dst))));
        }
    }

    fn sa_options(&mut self, sa: &Sa, extensions: &mut Vec<Extension>) {
        match sa.mode.installed() {
            Mode::Transport => extensions.push(Extension::Mode(Some(tree::Mode::Transport))),
            Mode::Tunnel => extensions.push(Extension::Mode(Some(tree::Mode::Tunnel))),
            Mode::Beet => extensions.push(Extension::Mode(Some(tree::Mode::Beet))),
            Mode::RouteOptimization | Mode::InTrigger | Mode::IpTfs => {
                self.lose(format!("mode {}", sa.mode.installed().name()));
            }
        }
        if sa.reqid != ReqId(0) {
            extensions.push(Extension::ReqId(sa.reqid.0.into()));
        }
        if sa.replay_window > MAX_REPLAY_WINDOW {
            self.lose(format!("replay-window {}", sa.replay_window));
        } else if sa.replay_window != 0 {
            extensions.push(Extension::Replay(sa.replay_window.into()));
        }
        if sa.esn {
            extensions.push(Extension::Esn);
        }
        let flags = sa.flags.names().filter_map(SaFlags::from_name);
        extensions.extend(flags.map(Extension::KernelFlag));
        extensions.extend(self.context(sa.sec_ctx.as_ref()).map(Extension::Context));
        extensions.extend(mark(sa.mark).map(Extension::Mark));
        extensions.extend(mark(sa.output_mark).map(Extension::OutMark));
        extensions.extend(if_id(sa.if_id));
        extensions.extend(sa.direction.map(Extension::Direction));
        if sa.nat_keepalive != 0 {
            extensions.push(Extension::KeepAlive(Some(sa.nat_keepalive.into())));
        }
        let Some(offload) = &sa.offload else { return };
        if is_device(&offload.device) {
            let (device, packet) = (offload.device.clone(), offload.packet);
            let direction = offload.direction;
            extensions.push(Extension::Offload { device, direction, packet });
        } else {
            self.lose(format!("offload {}", offload.device.escape_default()));
        }
    }

    fn algorithms(&mut self, sa: &Sa) -> Algorithms {
        let auth = sa.auth.as_ref().map(|auth| self.algorithm(auth));
        let crypt = sa.crypt.as_ref().map(|crypt| self.algorithm(crypt));
        let aead = sa.aead.as_ref().map(|aead| self.algorithm(aead));
        if crypt.is_some() && aead.is_some() {
            self.lose("a cipher beside an AEAD algorithm");
        }
        match (crypt.or(aead), auth, sa.comp) {
            (None, None, Some(comp)) => {
                Algorithms::Comp { name: node(comp.name.to_owned()), raw_cpi: false }
            }
            (None, Some(auth), _) => Algorithms::Auth(auth),
            (Some(crypt), auth, _) => Algorithms::Crypt(crypt, auth),
            (None, None, None) => Algorithms::Crypt(
                tree::Algorithm { name: node("null".to_owned()), key: None },
                None,
            ),
        }
    }

    fn algorithm(&mut self, keyed: &Keyed) -> tree::Algorithm {
        let given = keyed.algorithm;
        let fitting = Algorithm::by_kernel(given.kind, given.kernel, keyed.icv_bits);
        let written =
            if given.icv_bits == keyed.icv_bits { given } else { fitting.unwrap_or(given) };
        if written.icv_bits != keyed.icv_bits {
            self.lose(format!("icv {}", keyed.icv_bits));
        }
        let bits = keyed.key.bits();
        if !written.key_bits.fits(bits) {
            self.lose(format!("a key of {bits} bits for {}", written.name));
        }
        let key = (written.name != "null" || bits != 0).then(|| node(keyed.key.clone()));
        tree::Algorithm { name: node(written.name.to_owned()), key }
    }

    fn context(&mut self, context: Option<&SecCtx>) -> Option<tree::Context> {
        let context = context?;
        let label = context.label();
        let can_be_quoted = str::from_utf8(label).is_ok_and(|text| !text.contains('"'));
        if context.doi == 0 || !can_be_quoted {
            self.lose(format!("ctx {}", String::from_utf8_lossy(label).escape_debug()));
            return None;
        }
        let (doi, alg) = (context.doi.into(), context.alg.into());
        Some(tree::Context { doi, alg, label: label.to_vec() })
    }

    fn spd_add(&mut self, policy: &Policy) -> Command {
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

    fn policy_text(
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

fn host(address: IpAddr, port: Option<u16>) -> Host {
    let port = port.map(|port| node(Port::Number(port.into())));
    Host { address: node(address.to_string()), port }
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

fn mark(mark: Mark) -> Option<MarkText> {
    let text = MarkText { value: mark.value.into(), mask: Some(mark.mask.into()) };
    (!mark.is_none()).then_some(text)
}

fn if_id(if_id: u32) -> Option<Extension> {
    (if_id != 0).then(|| Extension::IfId(if_id.into()))
}

fn limits(Lifetimes { hard, soft }: &Lifetimes) -> impl Iterator<Item = Extension> + use<> {
    let set = |limit: u64, extension: fn(u64) -> Extension| (limit != 0).then(|| extension(limit));
    let limits = [
        set(hard.add_seconds, Extension::HardTime),
        set(soft.add_seconds, Extension::SoftTime),
        set(hard.bytes, Extension::HardBytes),
        set(soft.bytes, Extension::SoftBytes),
        set(hard.use_seconds, Extension::HardUse),
        set(soft.use_seconds, Extension::SoftUse),
        set(hard.packets, Extension::HardPackets),
        set(soft.packets, Extension::SoftPackets),
    ];
    limits.into_iter().flatten()
}

/// A device name as `-offload` reads it.
fn is_device(name: &str) -> bool {
    let is_char = |c: char| c.is_ascii_alphanumeric() || ".:-%_@+=".contains(c);
    !name.is_empty() && name.chars().all(is_char)
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
