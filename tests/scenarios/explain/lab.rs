//! Two hosts: the first has the tables of a case, the second is its peer. What the first one forwards leaves by a device `sink`.

use std::{
    collections::HashMap,
    fs::{self, File},
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsFd,
    thread::sleep,
    time::{Duration, Instant},
};

use engine::{Engine, Options};
use explain::{PolicyOrder, Tables};
use model::{
    Action, Direction, Level, Operation, Policy, PolicyId, PolicyType, Prefix, SaDirection,
    Selector, Template, TemplateMode,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use scenarios::{Host, link};
use xfrm::{Change, Connection};

use super::{
    generated::{Case, DESTINATION_PORTS, SOURCE_PORTS, addresses},
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
    has_sa_directions: bool,
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
            Engine::open(Options::default()).expect("an engine")
        };
        let engine_b = within(&b);
        let senders_b = senders(false);
        // From here on this thread is on the first host.
        let engine_a = within(&a);
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
            has_sa_directions: false,
            _hosts: [a, b],
        };
        lab.has_sa_directions = lab.takes_directions();
        lab
    }

    pub fn has_sa_directions(&self) -> bool {
        self.has_sa_directions
    }

    /// Whether the kernel has directions of SAs (Linux 6.10).
    fn takes_directions(&mut self) -> bool {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut sa = loop {
            if let Some(sa) = Case::new(&mut rng, false).sas.pop() {
                break sa;
            }
        };
        (sa.replay_window, sa.replay_state) = (0, model::ReplayState::default());
        sa.direction = Some(SaDirection::Out);
        carry_out(&mut self.engines[0], [Operation::AddSa(Box::new(sa))]);
        let tables = Self::tables();
        let has = tables.sas.iter().any(|entry| entry.sa.direction.is_some());
        carry_out(&mut self.engines[0], [Operation::FlushSad(None)]);
        has
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
        carry_out(
            a,
            flush().into_iter().chain(case.sas.iter().map(add_sa)).chain(policies).chain(updates),
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
        }
    }

    /// Sends the packet of the case and waits for what is expected.
    pub fn send(&mut self, case: &Case, expected: &Observed, before: &Tables) -> Observed {
        let counters = engine::counters().expect("counters");
        let wire = Counts::read();
        let from = usize::from(case.direction != Direction::Out);
        let sender = &self.senders[from][&(case.flow.src(), case.flow.src_port.expect("a port"))];
        mark(sender, case.flow.mark);
        let to = SocketAddr::new(case.flow.dst(), case.flow.dst_port.expect("a port"));
        // A refusal is what may be expected.
        let _ = sender.send_to(&vec![0; case.payload], to);
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
