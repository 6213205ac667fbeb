//! A case: tables, a packet, and what a peer does to it, made up by chance.

use std::{
    fmt,
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
};

use explain::{
    Arrival, Explanation, Flow, Selection, Surroundings, Tables, decapsulate, explain_forwarded,
    explain_in, explain_out,
};
use fastrand::Rng;
use model::{
    Action, AddressPair, Algorithm, AlgorithmKind, Direction, Encap, EncapKind, Key, Keyed, Level,
    Lifetime, Mark, Mode, Policy, PolicyAddresses, PolicyFilter, PolicyHead, PolicyId, Prefix,
    Priority, Proto, ReqId, Sa, SaDirection, Selector, Spi, SpiRequest, Template, TemplateMode,
    Upper,
};

/// The addresses of the two hosts and of what is behind the first one.
const HERE: [[&str; 3]; 2] =
    [["10.1.0.1", "10.1.0.2", "10.1.1.1"], ["2001:db8:1::1", "2001:db8:1::2", "2001:db8:1:1::1"]];
const THERE: [[&str; 3]; 2] =
    [["10.9.0.1", "10.9.0.2", "10.9.1.1"], ["2001:db8:9::1", "2001:db8:9::2", "2001:db8:9:1::1"]];
const BEHIND: [[&str; 3]; 2] =
    [["10.2.0.2", "10.2.0.3", "10.2.1.1"], ["2001:db8:2::2", "2001:db8:2::3", "2001:db8:2:1::1"]];
/// Endpoints of tunnels, of the first host and of the second.
const ENDS: [[[&str; 2]; 2]; 2] = [
    [["192.0.2.1", "192.0.2.11"], ["2001:db8::1", "2001:db8::11"]],
    [["192.0.2.2", "192.0.2.12"], ["2001:db8::2", "2001:db8::12"]],
];

pub const UDP: u8 = 17;
pub const SOURCE_PORTS: [u16; 2] = [1000, 2000];
pub const DESTINATION_PORTS: [u16; 2] = [53, 5000];

/// The addresses that a host has.
pub fn addresses(of_first: bool) -> impl Iterator<Item = &'static str> {
    let (own, end) = if of_first { (HERE, ENDS[0]) } else { (THERE, ENDS[1]) };
    own.into_iter()
        .flatten()
        .chain(end.into_iter().flat_map(|of_version| of_version.into_iter().skip(1)))
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is made up by itself")]
pub struct Case {
    pub direction: Direction,
    pub flow: Flow,
    /// Whether the kernel's default policy of this direction discards.
    pub default: bool,
    pub policies: Vec<Policy>,
    /// Policies that are updated after all are there.
    pub updates: Vec<Policy>,
    pub sas: Vec<Sa>,
    /// What the peer does to the packet, innermost first.
    pub layers: Vec<Sa>,
    /// Bytes after the UDP header.
    pub payload: usize,
    /// Whether the packet is sent once before.
    pub is_second: bool,
    /// Whether a key management program waits for ACQUIREs.
    pub has_key_manager: bool,
    /// The SA of a layer that the first host has reserved, without keys yet.
    pub larval: Option<SpiRequest>,
    /// Settings of the devices that it arrives at and leaves by.
    pub has_no_policy: bool,
    pub has_no_xfrm: bool,
}

impl Case {
    pub fn new(rng: &mut Rng, kernel: Kernel) -> Self {
        let direction = pick(rng, &[Direction::Out, Direction::Out, Direction::In, Direction::Fwd]);
        let version = usize::from(one_in(rng, 5));
        let flow = flow(rng, direction, version);
        let mut layers = Vec::new();
        if direction != Direction::Out {
            let count = pick(rng, &[0, 0, 1, 1, 1, 2]);
            layers = layers_of(rng, &flow, version, count);
        }
        let mut case = Self {
            direction,
            flow,
            default: one_in(rng, 5),
            policies: Vec::new(),
            updates: Vec::new(),
            sas: Vec::new(),
            layers,
            payload: rng.usize(0..100),
            is_second: one_in(rng, 5),
            has_key_manager: one_in(rng, 6),
            larval: None,
            has_no_policy: one_in(rng, 12),
            has_no_xfrm: one_in(rng, 12),
        };
        let mut sas = Vec::new();
        for _ in 0..rng.usize(0..6) {
            let policy = case.policy(rng, version);
            sas.extend(case.sas_for(rng, &policy, kernel));
            case.policies.push(policy);
        }
        for layer in case.layers.clone() {
            if case.larval.is_none() && one_in(rng, 15) {
                let Sa { ends, proto, spi, mode, reqid, .. } = layer;
                case.larval = Some(SpiRequest { ends, proto, spi: Some(spi), mode, reqid });
            } else if !one_in(rng, 12) {
                sas.push(mutated(rng, layer, kernel, false));
            }
        }
        rng.shuffle(&mut sas);
        // A table of eight SAs or more grows, and the order of SAs of one second changes.
        sas.truncate(7);
        for (place, sa) in sas.iter_mut().enumerate() {
            if !case.layers.iter().any(|layer| layer.spi == sa.spi) {
                sa.spi = Spi(sa.spi.0 + u32::try_from(place).expect("few") * 16);
            }
        }
        case.sas = sas;
        for policy in &case.policies {
            if one_in(rng, 6) {
                case.updates.push(Policy { action: Action::None, ..policy.clone() });
            }
        }
        case
    }

    fn policy(&self, rng: &mut Rng, version: usize) -> Policy {
        let direction = match self.direction {
            Direction::Fwd if one_in(rng, 3) => Direction::Out,
            own if one_in(rng, 6) => {
                pick(rng, &[Direction::In, Direction::Out, Direction::Fwd, own])
            }
            own => own,
        };
        let mut id = PolicyId::new(self.selector(rng, version), direction);
        if one_in(rng, 5) {
            let (value, mask) = pick(rng, &[(1, 1), (1, 0xff), (2, 3), (0x10, 0xf0), (0, 1)]);
            id.mark = Mark { value, mask };
        }
        if one_in(rng, 20) {
            id.if_id = NonZeroU32::new(7);
        }
        let action = match rng.u32(0..20) {
            0..3 => Action::Discard,
            3..7 => Action::None,
            19 => Action::Ipsec(vec![template(rng, version, direction); 6]),
            _ => Action::Ipsec(self.templates(rng, version, direction)),
        };
        let priority = Priority(pick(rng, &[100, 100, 100, 200, 300]));
        Policy { priority, ..Policy::new(id, action) }
    }

    /// Those of the peer's layers, or others.
    fn templates(&self, rng: &mut Rng, version: usize, direction: Direction) -> Vec<Template> {
        if !self.layers.is_empty() && direction == self.direction && !one_in(rng, 4) {
            let of_layer = |sa: &Sa| {
                let mode = TemplateMode::new(sa.mode.installed(), sa.ends);
                let mode = if sa.mode.installed() == Mode::Transport {
                    TemplateMode::Transport
                } else {
                    mode
                };
                Template::new(sa.proto, mode, Level::of_reqid(sa.reqid))
            };
            let mut templates = self.layers.iter().map(of_layer).collect::<Vec<_>>();
            if one_in(rng, 5) {
                let place = rng.usize(0..templates.len());
                templates[place].level = Level::Use;
            }
            return templates;
        }
        (0..rng.usize(1..3)).map(|_| template(rng, version, direction)).collect()
    }

    fn selector(&self, rng: &mut Rng, version: usize) -> Selector {
        let (src, dst) = (self.flow.src(), self.flow.dst());
        let src = if one_in(rng, 6) { parse(THERE[version][0]) } else { src };
        let dst = if one_in(rng, 6) { parse(BEHIND[version][0]) } else { dst };
        let (src, dst) = (prefix(rng, src), prefix(rng, dst));
        let mut selector = Selector::new(src, dst).expect("one version");
        selector.upper = match rng.u32(0..10) {
            0..5 => Upper::Any,
            5 => Upper::Number(6),
            _ => Upper::Number(UDP),
        };
        if selector.upper != Upper::Any {
            selector.src_port = pick(rng, &[0, 0, 0, 1000, 2000]);
            selector.dst_port = pick(rng, &[0, 0, 0, 53, 5000]);
        }
        if one_in(rng, 10) {
            let device = pick(rng, &["b", "sink", "lo"]);
            selector.device = Some(device.parse().expect("a name"));
        }
        selector
    }

    /// SAs for the templates of a policy, each nearly right.
    fn sas_for(&self, rng: &mut Rng, policy: &Policy, kernel: Kernel) -> Vec<Sa> {
        let mut ends = AddressPair::new(self.flow.src(), self.flow.dst()).expect("one version");
        let mut sas = Vec::new();
        for template in policy.action.templates() {
            ends = template.mode.endpoints().unwrap_or(ends);
            for _ in 0..pick(rng, &[0, 1, 1, 1, 1, 2]) {
                let spi = template.details.spi.unwrap_or(Spi(rng.u32(0x3000..0x3010)));
                let mut sa = keyed(Sa::bare(ends, template.proto, spi));
                sa.mode = template.mode.mode().into();
                sa.reqid = template.reqid();
                sa.mark = policy.id.mark;
                sa.if_id = policy.id.if_id;
                sas.push(mutated(rng, sa, kernel, true));
            }
        }
        sas
    }

    /// The tables with those policies alone that may decide.
    pub fn select(&self, tables: &Tables) -> Tables {
        let mark = decapsulate(&tables.sas, &self.arrivals(), self.flow.mark, None).mark;
        let flow = self.flow.marked(mark);
        let mut lookups = vec![(self.direction, flow)];
        if self.direction == Direction::Fwd {
            lookups.push((Direction::Out, flow));
        }
        let mut selection = Selection::new(&lookups, tables.spd);
        let mut few = tables.clone();
        few.policies.retain(|entry| {
            let PolicyId { selector, direction, .. } = entry.policy.id.clone();
            let (src, dst) = (selector.src(), selector.dst());
            !selection.passes_over(&PolicyAddresses { src, dst, direction })
                && selection.takes(&PolicyHead::of(entry))
        });
        few.first_inexact = selection.first_inexact();
        few
    }

    /// The explanation from tables as they are in the kernel.
    pub fn explain<'a>(
        &self,
        tables: &'a Tables,
        surroundings: &Surroundings<'_>,
    ) -> Explanation<'a> {
        let (arrivals, flow) = (self.arrivals(), Some(self.flow));
        match self.direction {
            Direction::Out => explain_out(tables, self.flow, None, surroundings),
            Direction::In => explain_in(tables, &arrivals, flow, 0, None, surroundings),
            Direction::Fwd => explain_forwarded(tables, &arrivals, flow, 0, surroundings),
        }
    }

    /// The headers that it arrives with, outermost first.
    fn arrivals(&self) -> Vec<Arrival> {
        let arrivals = self.layers.iter().rev().map(|sa| Arrival {
            spi: sa.spi,
            proto: Some(sa.proto),
            dst: Some(sa.ends.dst()),
            sequence: Some(if self.is_second { 2 } else { 1 }),
            encapsulation: Some(sa.encap.map(|encap| encap.kind)),
            integrity: None,
            inside: None,
        });
        arrivals.collect()
    }
}

/// What the kernel has that others lack.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kernel {
    /// Directions of SAs (Linux 6.10).
    pub has_sa_directions: bool,
    /// SAs of a processor (Linux 6.13).
    pub has_sa_cpus: bool,
}

/// ESP in UDP between the ports of RFC 3948.
fn in_udp() -> Encap {
    let port = NonZeroU16::new(4500);
    Encap { kind: EncapKind::EspInUdp, src_port: port, dst_port: port, original: None }
}

/// An SA with one field that is another one, or none.
fn mutated(rng: &mut Rng, mut sa: Sa, kernel: Kernel, is_mode_changed: bool) -> Sa {
    let has_directions = kernel.has_sa_directions;
    match rng.u32(0..32) {
        0 => sa.mark = Mark { value: 1, mask: 1 },
        1 => sa.mark = Mark { value: 2, mask: 3 },
        2 => sa.if_id = NonZeroU32::new(9),
        3 => sa.reqid = ReqId::new(9),
        4 if is_mode_changed => {
            let other =
                if sa.mode.installed() == Mode::Transport { Mode::Tunnel } else { Mode::Transport };
            sa.mode = other.into();
        }
        5 => {
            let src = ENDS[0][version_of(sa.ends.src())][1];
            sa.ends = AddressPair::new(parse(src), sa.ends.dst()).expect("one version");
        }
        6 if is_mode_changed => {
            let dst = ENDS[1][version_of(sa.ends.dst())][1];
            sa.ends = AddressPair::new(sa.ends.src(), parse(dst)).expect("one version");
        }
        7 => sa.spi = Spi(sa.spi.0 ^ 0x1000),
        8 if has_directions => sa.direction = Some(SaDirection::In),
        9 if has_directions => sa.direction = Some(SaDirection::Out),
        10 => {
            let mut selector = Selector::within(prefix(rng, sa.ends.dst()));
            selector.upper = pick(rng, &[Upper::Any, Upper::Number(UDP), Upper::Number(6)]);
            sa.selector = Some(selector);
        }
        11 => sa.replay_state.sent = u32::MAX.into(),
        12 => (sa.replay_window, sa.replay_state.received) = (4, rng.u64(0..9)),
        13 => sa.lifetimes.hard = Lifetime::from_numbers([1, 0, 0, 0]),
        14 => sa.reqid = None,
        15 => {
            let none = if sa.ends.src().is_ipv4() { "0.0.0.0" } else { "::" };
            sa.ends = AddressPair::new(parse(none), sa.ends.dst()).expect("one version");
        }
        16 | 17 if sa.proto == Proto::Esp => {
            sa.encap = if sa.encap.is_none() { Some(in_udp()) } else { None };
        }
        18 | 19 => sa.output_mark = pick(rng, &[(1, 0xff), (2, 3), (0x10, 0xf0)].map(mark)),
        20 => sa.lifetimes.soft = Lifetime::from_numbers([1, 0, 0, 0]),
        21 => sa.lifetimes.hard = Lifetime::from_numbers([0, 1, 0, 0]),
        22 | 23 if kernel.has_sa_cpus => sa.cpu = Some(rng.u32(0..2)),
        _ => {}
    }
    // An SA with a direction has no window the other way round.
    if sa.direction == Some(SaDirection::Out) {
        (sa.replay_window, sa.replay_state) = (0, model::ReplayState::default());
    }
    if sa.direction == Some(SaDirection::In) {
        sa.replay_state.sent = 0;
    }
    sa
}

fn mark((value, mask): (u32, u32)) -> Mark {
    Mark { value, mask }
}

fn layers_of(rng: &mut Rng, flow: &Flow, version: usize, count: usize) -> Vec<Sa> {
    let own = AddressPair::new(flow.src(), flow.dst()).expect("one version");
    let mut ends = own;
    let mut layers = Vec::<Sa>::new();
    for place in 0..count {
        let proto = pick(rng, &[Proto::Esp, Proto::Esp, Proto::Ah]);
        // What the peer sends to the host behind this one in transport mode does not arrive here.
        let must_tunnel = place == 0 && !HERE.concat().contains(&&*flow.dst().to_string());
        let is_tunnel = must_tunnel || place == 0 && rng.bool();
        if is_tunnel {
            let (src, dst) = (pick(rng, &ENDS[1][version]), pick(rng, &ENDS[0][version]));
            ends = AddressPair::new(parse(src), parse(dst)).expect("one version");
        }
        let spi = Spi(0x2001 + u32::try_from(place).expect("few"));
        let mut sa = keyed(Sa::bare(ends, proto, spi));
        sa.mode = if is_tunnel { Mode::Tunnel } else { Mode::Transport }.into();
        // The peer finds each of its SAs by another number.
        sa.reqid = ReqId::new(rng.u32(0..3) + 3 * u32::try_from(place).expect("few"));
        layers.push(sa);
    }
    if let Some(outermost) = layers.last_mut().filter(|sa| sa.proto == Proto::Esp) {
        outermost.encap = one_in(rng, 5).then(in_udp);
    }
    layers
}

fn template(rng: &mut Rng, version: usize, direction: Direction) -> Template {
    let proto = pick(rng, &[Proto::Esp, Proto::Esp, Proto::Ah]);
    let (from, to) = if direction == Direction::Out { (0, 1) } else { (1, 0) };
    let is_tunnel = rng.bool();
    let mode = if is_tunnel {
        let end = |rng: &mut Rng, who: usize| parse(pick(rng, &ENDS[who][version]));
        let (src, dst) = (end(rng, from), end(rng, to));
        TemplateMode::Tunnel(AddressPair::new(src, dst).expect("one version"))
    } else {
        TemplateMode::Transport
    };
    let level = match rng.u32(0..8) {
        0 => Level::Use,
        1..4 => Level::Unique(ReqId::new(rng.u32(1..4))),
        _ => Level::Require,
    };
    let mut template = Template::new(proto, mode, level);
    if one_in(rng, 12) {
        template.details.spi = Some(Spi(0x3001));
    }
    template
}

fn flow(rng: &mut Rng, direction: Direction, version: usize) -> Flow {
    let (src, dst) = match direction {
        Direction::Out => (HERE, THERE),
        Direction::In => (THERE, HERE),
        Direction::Fwd => (THERE, BEHIND),
    };
    let (src, dst) = (parse(pick(rng, &src[version])), parse(pick(rng, &dst[version])));
    let mut flow = Flow::new(src, dst).expect("one version");
    flow.upper = Some(UDP);
    flow.src_port = Some(pick(rng, &SOURCE_PORTS));
    flow.dst_port = Some(pick(rng, &DESTINATION_PORTS));
    // User-Mode Linux has one processor.
    flow.cpu = Some(0);
    if direction == Direction::Out {
        flow.mark = pick(rng, &[0, 0, 0, 1, 2, 0x11]);
    }
    flow
}

fn keyed(mut sa: Sa) -> Sa {
    let of = |kind, name, length| {
        Keyed::new(Algorithm::by_name(kind, name).expect("it is there"), Key::new(vec![7; length]))
    };
    if sa.proto == Proto::Esp {
        sa.crypt = Some(of(AlgorithmKind::Crypt, "aes-cbc", 16));
    }
    sa.auth = Some(of(AlgorithmKind::Auth, "hmac-sha1", 20));
    sa
}

fn prefix(rng: &mut Rng, addr: IpAddr) -> Prefix {
    let lengths: &[u32] = if addr.is_ipv4() {
        &[0, 8, 14, 16, 24, 30, 32, 32]
    } else {
        &[16, 40, 48, 64, 126, 128, 128]
    };
    Prefix::new(addr, Some(pick(rng, lengths))).expect("it fits")
}

fn version_of(addr: IpAddr) -> usize {
    usize::from(addr.is_ipv6())
}

fn parse(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(0..from.len())]
}

fn one_in(rng: &mut Rng, count: u32) -> bool {
    rng.u32(0..count) == 0
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for policy in self.policies.iter().chain(&self.updates) {
            writeln!(f, "    {policy:?}")?;
        }
        for sa in &self.sas {
            writeln!(
                f,
                "    {} {:?} {} {} {:?} mark {} if_id {:?} {:?} selector {:?} {:?} {:?} cpu {:?} sets {} {:?}",
                sa.spi,
                sa.ends,
                sa.proto.word(),
                sa.mode.installed().word(),
                sa.reqid,
                sa.mark,
                sa.if_id,
                sa.direction,
                sa.selector,
                sa.replay_state,
                sa.encap.map(|it| it.kind),
                sa.cpu,
                sa.output_mark,
                sa.lifetimes,
            )?;
        }
        for sa in &self.layers {
            writeln!(
                f,
                "    layer {} {:?} {} {} {:?} {:?}",
                sa.spi,
                sa.ends,
                sa.proto.word(),
                sa.mode.installed().word(),
                sa.reqid,
                sa.encap.map(|it| it.kind),
            )?;
        }
        writeln!(
            f,
            "    second {} key manager {} larval {:?} disable_policy {} disable_xfrm {}",
            self.is_second, self.has_key_manager, self.larval, self.has_no_policy, self.has_no_xfrm
        )
    }
}
