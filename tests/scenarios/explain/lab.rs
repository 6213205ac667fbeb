//! Two hosts: the first has the tables of a case, the second is its peer. What the first one forwards leaves by a device `sink`.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs::{self, File},
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsFd,
    thread::sleep,
    time::{Duration, Instant},
};

use engine::{Engine, EngineOptions, EventMonitor, RouteQuery, Routes};
use explain::{FlowDevice, InnerVersion, PolicyOrder, Tables};
use model::{
    Action, Direction, EventGroup, Installation, IpVersion, Level, Operation, Policy, PolicyId,
    PolicyType, Prefix, SaDirection, Selector, Template, TemplateMode,
};
use rustix::{
    net::{AddressFamily, SocketType},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use scenarios::{Host, link};
use xfrm::{Change, Connection};

use super::{
    generated::{Case, DESTINATION_PORTS, Kernel, SOURCE_PORTS, addresses},
    observed::{Counts, Observed},
};

/// How long a packet may take.
const PATIENCE: Duration = Duration::from_millis(50);

type Senders = HashMap<(IpAddr, u16), UdpSocket>;

pub struct Lab {
    engines: [Engine; 2],
    senders: [Senders; 2],
    receivers: Vec<UdpSocket>,
    kernel: Connection,
    default: bool,
    features: Kernel,
    routes: RefCell<Routes>,
    /// They take ESP in UDP.
    _encapsulation: [Vec<UdpSocket>; 2],
    /// They go last.
    _hosts: [Host; 2],
}

impl Lab {
    pub fn new() -> Self {
        let [a, b] = ["a", "b"].map(Host::new);
        prepare(&a, &b);
        let within = |host: &Host| {
            let namespace = File::open(host.namespace_file()).expect("the namespace is there");
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root goes there");
            (Engine::open(EngineOptions::default()).expect("an engine"), in_udp())
        };
        let (engine_b, encapsulation_b) = within(&b);
        let senders_b = senders(false);
        // From here on this thread is on the first host.
        let (engine_a, encapsulation_a) = within(&a);
        let senders_a = senders(true);
        let receivers = DESTINATION_PORTS.iter().map(|port| {
            let socket = UdpSocket::bind(("::", *port)).expect("a socket");
            socket.set_nonblocking(true).expect("a socket");
            socket
        });
        let mut lab = Self {
            engines: [engine_a, engine_b],
            senders: [senders_a, senders_b],
            receivers: receivers.collect(),
            kernel: Connection::open().expect("a connection"),
            default: false,
            features: Kernel::default(),
            routes: Routes::open().expect("routes").into(),
            _encapsulation: [encapsulation_a, encapsulation_b],
            _hosts: [a, b],
        };
        lab.features.has_sa_directions =
            lab.takes(|sa| sa.direction = Some(SaDirection::Out), |sa| sa.direction.is_some());
        lab.features.has_sa_cpus = lab.takes(|sa| sa.cpu = Some(0), |sa| sa.cpu.is_some());
        lab
    }

    pub fn features(&self) -> Kernel {
        self.features
    }

    /// Whether the kernel keeps a field of an SA.
    fn takes(&mut self, set: impl Fn(&mut model::Sa), has: impl Fn(&model::Sa) -> bool) -> bool {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut sa = loop {
            if let Some(sa) = Case::new(&mut rng, Kernel::default()).sas.pop() {
                break sa;
            }
        };
        (sa.replay_window, sa.replay_state) = (0, model::ReplayState::default());
        set(&mut sa);
        carry_out(&mut self.engines[0], [Operation::AddSa(Box::new(sa))]);
        let is_taken = Self::tables().sas.iter().any(|entry| has(&entry.sa));
        carry_out(&mut self.engines[0], [Operation::FlushSad(None)]);
        is_taken
    }

    /// Sets what the devices of the first host have, and looks up the route of the packet.
    pub fn route(&self, case: &mut Case) -> Surrounding {
        let (arrives_by, leaves_by) = match case.direction {
            Direction::Out => (None, Some("b")),
            Direction::In => (Some("b"), None),
            Direction::Fwd => (Some("b"), Some("sink")),
        };
        for version in ["ipv4", "ipv6"] {
            for device in ["b", "sink"] {
                let set = |setting: &str, is_on: bool| {
                    let file = format!("/proc/sys/net/{version}/conf/{device}/{setting}");
                    let value = if is_on { "1" } else { "0" };
                    if fs::read_to_string(&file).is_ok_and(|own| own.trim() != value) {
                        fs::write(file, value).expect("a setting");
                    }
                };
                set("disable_policy", case.has_no_policy && arrives_by == Some(device));
                set("disable_xfrm", case.has_no_xfrm && leaves_by == Some(device));
            }
        }
        let flow = &mut case.flow;
        let arrives_by = arrives_by.map(|name| name.parse().expect("a name"));
        let query = RouteQuery {
            src: Some(flow.src()),
            mark: flow.mark,
            arrives_by,
            upper: flow.upper,
            ports: flow.src_port.zip(flow.dst_port),
            ..RouteQuery::to(flow.dst())
        };
        let mut routes = self.routes.borrow_mut();
        let route = routes.find(&query).expect("a route");
        let arrives_by = arrives_by.map(|name| routes.device_of_name(name).expect("a device"));
        // Of a packet of IPv6 to this host it is the device that has the address.
        let policy_of = match (case.direction, flow.version()) {
            (Direction::In, IpVersion::V6) => routes.owner(flow.dst()).ok(),
            _ => arrives_by,
        };
        let (version, is_out) = (flow.version(), case.direction == Direction::Out);
        flow.device = match (is_out, version) {
            (true, IpVersion::V6) => FlowDevice::None,
            _ => FlowDevice::Named(route.device.name),
        };
        Surrounding {
            has_no_xfrm: version == IpVersion::V4
                && case.direction != Direction::In
                && route.device.has_no_xfrm(),
            has_no_policy: policy_of.is_some_and(|device| device.has_no_policy(version)),
        }
    }

    /// Sets the kernel's default policy of all directions.
    pub fn set_default(&mut self, block: bool) {
        if self.default != block {
            let mut batch = self.kernel.batch();
            batch.push(&Change::SetDefault { block });
            assert!(self.kernel.send(&mut batch).expect("an answer").is_empty());
            self.default = block;
        }
    }

    /// Replaces the tables of both hosts.
    pub fn load(&mut self, case: &Case) {
        let flush = || [Operation::FlushSad(None), Operation::FlushSpd(PolicyType::Main)];
        let add_sa = |sa: &model::Sa| Operation::AddSa(Box::new(sa.clone()));
        let policies = case.policies.iter().map(|it| Operation::AddPolicy(Box::new(it.clone())));
        let updates = case.updates.iter().map(|it| Operation::UpdatePolicy(Box::new(it.clone())));
        let [a, b] = &mut self.engines;
        let larval = case.larval.map(Operation::GetSpi);
        carry_out(
            a,
            flush()
                .into_iter()
                .chain(case.sas.iter().map(add_sa))
                .chain(policies)
                .chain(updates)
                .chain(larval),
        );
        let peer = Operation::AddPolicy(Box::new(of_peer(case)));
        carry_out(b, flush().into_iter().chain(case.layers.iter().map(add_sa)).chain([peer]));
    }

    /// The tables of the first host.
    pub fn tables() -> Tables {
        let snapshot = engine::snapshot().expect("a snapshot");
        Tables {
            first_inexact: explain::first_inexact(&snapshot.policies, snapshot.spd),
            policies: snapshot.policies,
            sas: snapshot.sas,
            kernel_default: snapshot.kernel_default,
            catch_alls: snapshot.catch_alls,
            spd: snapshot.spd,
            sad: snapshot.sad,
            policy_order: PolicyOrder::of_release(snapshot.release.0, snapshot.release.1),
            inner_version: InnerVersion::of_release(snapshot.release.0, snapshot.release.1),
        }
    }

    /// Sends the packet of the case once, if it is to be the second.
    pub fn send_first(&mut self, case: &Case) -> Option<EventMonitor> {
        let key_manager = case
            .has_key_manager
            .then(|| EventMonitor::open(&[EventGroup::Acquire]).expect("a monitor"));
        if case.is_second {
            self.send_once(case);
            sleep(Duration::from_millis(20));
            self.receive();
        }
        key_manager
    }

    fn send_once(&mut self, case: &Case) {
        let from = usize::from(case.direction != Direction::Out);
        let sender = &self.senders[from][&(case.flow.src(), case.flow.src_port.expect("a port"))];
        mark(sender, case.flow.mark);
        let to = SocketAddr::new(case.flow.dst(), case.flow.dst_port.expect("a port"));
        // A refusal is what may be expected.
        let _ = sender.send_to(&vec![0; case.payload], to);
    }

    /// Sends the packet of the case and waits for what is expected.
    pub fn send(&mut self, case: &Case, expected: &Observed, before: &Tables) -> Observed {
        let counters = engine::counters().expect("counters");
        let wire = Counts::read();
        self.send_once(case);
        let (start, mut received) = (Instant::now(), 0);
        loop {
            received += self.receive();
            let sent = Counts::read().since(&wire);
            let mut seen = Observed::new(
                before,
                &Self::tables(),
                &counters,
                &engine::counters().expect("counters"),
            );
            seen.passes =
                if case.direction == Direction::In { received == 1 } else { sent.packets == 1 };
            seen.wire_length =
                (case.direction != Direction::In && seen.passes).then(|| sent.bytes - 14);
            seen.forget_like(expected);
            if seen == *expected || start.elapsed() > PATIENCE {
                return seen;
            }
            sleep(Duration::from_millis(1));
        }
    }

    fn receive(&self) -> usize {
        let mut buffer = [0; 2048];
        self.receivers
            .iter()
            .map(|it| std::iter::from_fn(|| it.recv(&mut buffer).ok()).count())
            .sum()
    }
}

fn prepare(a: &Host, b: &Host) {
    link(a, "192.0.2.1/24", b, "192.0.2.2/24");
    let quiet = "for f in /proc/sys/net/ipv6/conf/*/router_solicitations; do echo 0 >$f; done
        echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all";
    for (host, to, own, other) in [(a, "b", 1, 2), (b, "a", 2, 1)] {
        let mac = |number| format!("02:00:00:00:00:0{number}");
        let own_addresses = addresses(own == 1).map(|addr| format!("addr add {addr} dev {to}"));
        let own_addresses = own_addresses.collect::<Vec<_>>().join("\n");
        host.ip(&format!(
            "link set dev {to} down
            link set dev {to} address {}
            link set dev {to} up
            addr replace 192.0.2.{own}/24 dev {to}
            addr add 2001:db8::{own}/64 dev {to}
            {own_addresses}
            neigh replace 192.0.2.{other} lladdr {} dev {to} nud permanent
            neigh replace 2001:db8::{other} lladdr {} dev {to} nud permanent
            neigh replace 192.0.2.1{other} lladdr {} dev {to} nud permanent
            neigh replace 2001:db8::1{other} lladdr {} dev {to} nud permanent",
            mac(own),
            mac(other),
            mac(other),
            mac(other),
            mac(other)
        ));
        assert_eq!(scenarios::Outcome::of(host.command("sh").args(["-c", quiet])).status, 0);
    }
    a.ip("link add dev sink type dummy
        link set dev sink up
        addr add 10.2.0.1/16 dev sink
        addr add 2001:db8:2::1/48 dev sink
        route add 10.9.0.0/16 via 192.0.2.2
        route add 2001:db8:9::/48 via 2001:db8::2");
    b.ip("route add 10.1.0.0/16 via 192.0.2.1
        route add 10.2.0.0/16 via 192.0.2.1
        route add 2001:db8:1::/48 via 2001:db8::1
        route add 2001:db8:2::/48 via 2001:db8::1
        xfrm policy setdefault out block");
    a.forward();
    // Reports of multicast listeners are sent for some seconds.
    sleep(Duration::from_secs(3));
}

fn senders(is_first: bool) -> Senders {
    let addresses = addresses(is_first).map(|text| text.parse::<IpAddr>().expect("an address"));
    let of_ports = |addr: IpAddr| {
        SOURCE_PORTS.map(|port| ((addr, port), UdpSocket::bind((addr, port)).expect("a socket")))
    };
    addresses.flat_map(of_ports).collect()
}

/// What the devices of a packet have.
#[derive(Debug, Clone, Copy)]
pub struct Surrounding {
    pub has_no_xfrm: bool,
    pub has_no_policy: bool,
}

/// Sockets that take ESP in UDP, as those of a key management program, which are exempt from policies.
fn in_udp() -> Vec<UdpSocket> {
    const UDP: i32 = 17;
    const UDP_ENCAP: i32 = 100;
    const ESP_IN_UDP: u32 = 2;
    const V6_ONLY: i32 = 26;
    [IpVersion::V4, IpVersion::V6]
        .map(|version| {
            let (address, family, level, option) = match version {
                IpVersion::V4 => (IpAddr::from([0_u8; 4]), AddressFamily::INET, 0, 17),
                IpVersion::V6 => (IpAddr::from([0_u8; 16]), AddressFamily::INET6, 41, 35),
            };
            let socket = rustix::net::socket(family, SocketType::DGRAM, None).expect("a socket");
            let set = |level, option, value: &[u8]| {
                sys::sockopt::set_bytes(&socket, level, option, value).expect("an option");
            };
            if version == IpVersion::V6 {
                set(level, V6_ONLY, &1_u32.to_ne_bytes());
            }
            set(UDP, UDP_ENCAP, &ESP_IN_UDP.to_ne_bytes());
            let everything = Selector::within(Prefix::everything(version));
            let bypass = Policy::new(PolicyId::new(everything, Direction::In), Action::None);
            let installation = Installation::plain(&bypass);
            set(level, option, &xfrm::socket_option(&bypass, installation, 0));
            rustix::net::bind(&socket, &SocketAddr::new(address, 4500)).expect("a port");
            socket.into()
        })
        .into()
}

fn mark(socket: &UdpSocket, mark: u32) {
    const SOL_SOCKET: i32 = 1;
    const SO_MARK: i32 = 36;
    sys::sockopt::set_bytes(socket, SOL_SOCKET, SO_MARK, &mark.to_ne_bytes()).expect("a mark");
}

/// Refusals are part of a case.
fn carry_out(engine: &mut Engine, operations: impl IntoIterator<Item = Operation>) {
    let mut sink = |_, _| Ok(());
    for operation in operations {
        engine.submit(0, Ok(operation), &mut sink).expect("it is submitted");
    }
    engine.flush(&mut sink).expect("it is sent");
    engine.forget_spd();
}

/// The policy by which the peer sends the packet.
fn of_peer(case: &Case) -> Policy {
    let flow = &case.flow;
    let selector =
        Selector::new(Prefix::host(flow.src()), Prefix::host(flow.dst())).expect("one version");
    let template = |sa: &model::Sa| {
        let mode = match sa.mode.installed() {
            model::Mode::Tunnel => TemplateMode::Tunnel(sa.ends),
            _ => TemplateMode::Transport,
        };
        Template::new(sa.proto, mode, Level::of_reqid(sa.reqid))
    };
    let templates = case.layers.iter().map(template).collect();
    Policy::new(PolicyId::new(selector, Direction::Out), Action::Ipsec(templates))
}

impl Counts {
    /// What has left the first host by its two devices.
    fn read() -> Self {
        let text = fs::read_to_string("/proc/thread-self/net/dev").expect("devices");
        let mut counts = Self::default();
        for line in text.lines() {
            let Some((name, numbers)) = line.split_once(':') else { continue };
            if ["b", "sink"].contains(&name.trim()) {
                let numbers = numbers.split_whitespace().map(|it| it.parse().expect("a number"));
                let numbers = numbers.collect::<Vec<usize>>();
                counts.bytes += numbers[8];
                counts.packets += numbers[9];
            }
        }
        counts
    }
}
