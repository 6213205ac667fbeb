//! Level `use` of an outbound tunnel lets packets pass in clear and, as on KAME, requests the SA: the first packet raises an
//! ACQUIRE to every key manager, of PF_KEY and of netlink. With the SA, packets are encrypted.

use std::{
    fs,
    os::fd::{AsFd, OwnedFd},
    thread::sleep,
    time::{Duration, Instant},
};

use engine::EventMonitor;
use model::{Event, EventGroup};
use pfkey::{Message, MessageType};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect,
        recv, send, socket_with,
    },
};
use scenarios::{
    Background, Daemon, Host, Pings, Wire, link,
    pfkey::af_key_socket,
    processor_ticks,
    protocol::{ESP, ICMP, ICMP6},
    toy_ike,
};

/// How long anything may take but what is measured.
const PATIENCE: Duration = Duration::from_secs(20);

/// From the first packet to the ACQUIRE.
const SOON: Duration = Duration::from_secs(1);

/// More than two readings of the policies' use.
const A_WHILE: Duration = Duration::from_millis(1300);

/// What differs between the IP versions. Only echo requests are meant by the policies, not what neighbours find each other by.
struct Version {
    a: &'static str,
    b: &'static str,
    length: u8,
    icmp: u8,
    upper: &'static str,
}

const V4: Version =
    Version { a: "192.0.2.1", b: "192.0.2.2", length: 24, icmp: ICMP, upper: "icmp 8,0" };
const V6: Version =
    Version { a: "2001:db8::1", b: "2001:db8::2", length: 64, icmp: ICMP6, upper: "icmp6 128,0" };

#[test]
fn key_management_by_pf_key() {
    for version in [&V4, &V6] {
        let mut hosts = Hosts::start(version);
        let service = hosts.a.kept().join("pfkey.sock");
        let Version { a, b, .. } = version;
        let ike = |host: &Host, words: &[&str]| {
            Background::start(host.command(toy_ike()).arg("tunnel").args(words))
        };
        let there = ike(&hosts.b, &[b, a]);
        let here = ike(&hosts.a, &[a, b, service.to_str().expect("a path")]);
        for ike in [&here, &there] {
            assert_eq!(ike.lines.recv_timeout(PATIENCE).expect("a line"), "REGISTER esp");
        }
        hosts.load_policies("use");
        hosts.is_not_requested();

        let begun = Instant::now();
        assert_eq!(hosts.sends(), [version.icmp]);
        let line = here.lines.recv_timeout(PATIENCE).expect("an ACQUIRE");
        assert!(
            line.starts_with("ACQUIRE 0x") && begun.elapsed() < SOON,
            "{line}, after {:?}",
            begun.elapsed()
        );
        for event in ["GETSPI", "UPDATE in", "ADD out"] {
            let line = here.lines.recv_timeout(PATIENCE).expect("an event");
            assert!(line.starts_with(event), "{line} where {event} was expected");
        }
        sleep(Duration::from_millis(200));
        assert_eq!(hosts.sends(), [ESP]);
        hosts.is_requested_once();
    }
}

#[test]
fn key_management_by_netlink() {
    for version in [&V4, &V6] {
        let mut hosts = Hosts::start(version);
        hosts.load_policies("use");
        hosts.is_not_requested();
        let begun = Instant::now();
        assert_eq!(hosts.sends(), [version.icmp]);
        let acquire = loop {
            if let Event::Acquire(acquire) = hosts.netlink.next_event().expect("an event") {
                break acquire;
            }
        };
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        // What an IKE daemon goes by: the ends of the SA, the policy and its traffic.
        assert_eq!(
            [acquire.ends.src(), acquire.ends.dst()].map(|end| end.to_string()),
            [version.a, version.b]
        );
        let requested = hosts.a.setkey("-DP").stdout;
        assert!(requested.contains(&format!("spid={} ", acquire.policy.index)), "{requested}");
        assert_eq!(acquire.policy.policy.id.selector, acquire.selector);
        let sa = format!(
            "xfrm state add src {} dst {} proto esp spi 0x1001 mode tunnel enc cbc(aes) 0x{}",
            version.a,
            version.b,
            "5a".repeat(16)
        );
        for host in [&hosts.b, &hosts.a] {
            host.ip(&sa);
        }
        sleep(Duration::from_millis(200));
        assert_eq!(hosts.sends(), [ESP]);
        sleep(A_WHILE);
        assert_eq!(hosts.requests(), [0, 1, 1], "the first was read above");
    }
}

/// A level of `default` that is `use`, with traffic, and no key management that answers: a request for each larval lifetime, and
/// none without traffic.
#[test]
fn requests_do_not_pile_up() {
    let mut hosts = Hosts::start(&V4);
    let lifetime = "/proc/sys/net/core/xfrm_acq_expires";
    hosts.a.within(|| fs::write(lifetime, "3")).expect("root's");
    hosts.load_policies("default");
    // The kernel requests the SA of a policy at level `require`, which the variable makes it now, and drops the packet.
    assert!(!hosts.a.ping(V4.b));
    assert_eq!(hosts.requests(), [1; 3]);
    sleep(Duration::from_secs(4));
    hosts.a.set("net.inet.ipsec.esp_net_deflev=1");
    hosts.is_not_requested();

    let pings = Pings::start(&hosts.a, &format!("-i0.02 {}", V4.b));
    sleep(Duration::from_millis(7700));
    let requests = hosts.requests();
    assert!(pings.answered().len() > 100);
    // At 0, 3 and 6 seconds; the kernel keeps the time of use by the second.
    assert!(requests == [3; 3] || requests == [2; 3], "{requests:?}");
    sleep(Duration::from_secs(5));
    let late = hosts.requests();
    assert!(late.iter().all(|count| *count <= 1), "{late:?}");
    sleep(Duration::from_secs(4));
    assert_eq!(hosts.requests(), [0; 3]);
}

/// Ten thousand partial policies, of which none is used; and none at all.
#[test]
fn what_it_costs() {
    /// In percent of a processor.
    const LIMIT: u64 = 15;
    let host = Host::new("a");
    let daemon = Daemon::start(&host);
    let pid = daemon.pid();
    sleep(A_WHILE);
    let wakes = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
        status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).map(str::to_owned)
    };
    let before = wakes();
    sleep(A_WHILE);
    assert_eq!(wakes(), before, "the main thread of a daemon without partial policies sleeps");

    let policies: Vec<String> = (0..10_000_u32)
        .map(|n| {
            let [_, _, high, low] = n.to_be_bytes();
            let policy = "any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/use";
            format!("spdadd 10.1.{high}.{low} 10.2.{high}.{low} {policy};\n")
        })
        .collect();
    // The daemon reads the SPD in between.
    for policies in policies.chunks(1000) {
        host.load(&policies.concat());
    }
    let percent_within = |seconds| {
        let before = processor_ticks(pid);
        sleep(Duration::from_secs(seconds));
        (processor_ticks(pid) - before) / seconds
    };
    // What the load has begun comes to its end.
    let loaded = Instant::now();
    while percent_within(2) > LIMIT && loaded.elapsed() < Duration::from_secs(60) {}
    let percent = percent_within(5);
    println!(
        "10,000 partial policies, {} s after the load: {percent} % of a processor",
        loaded.elapsed().as_secs()
    );
    assert!(percent <= LIMIT, "{percent} %");
}

/// Two hosts, and the key managers of one of them that only listen.
struct Hosts {
    a: Host,
    b: Host,
    wire: Wire,
    netlink: EventMonitor,
    /// AF_KEY's, and the service's.
    pf_key: [OwnedFd; 2],
    _daemon: Daemon,
    version: &'static Version,
}

impl Hosts {
    fn start(version: &'static Version) -> Self {
        let (a, b) = (Host::new("a"), Host::new("b"));
        let Version { length, .. } = version;
        link(&a, &format!("{}/{length}", version.a), &b, &format!("{}/{length}", version.b));
        let wire = Wire::leaving(&a, "b");
        let daemon = Daemon::start(&a);
        let found = (0..20).any(|_| a.ping(version.b));
        assert!(found, "the hosts find each other");
        let netlink = a.within(|| EventMonitor::open(&[EventGroup::Acquire])).expect("a monitor");
        let service = a.kept().join("pfkey.sock");
        let pf_key = [a.within(af_key_socket), service_socket(&service)];
        for socket in &pf_key {
            let register = Message::new(MessageType::REGISTER, 3).encode().expect("a message");
            send(socket, &register, SendFlags::empty()).expect("it listens");
        }
        Self { a, b, wire, netlink, pf_key, _daemon: daemon, version }
    }

    /// An outbound tunnel at this level on one host; the other receives what comes.
    fn load_policies(&self, level: &str) {
        let Version { a, b, upper, .. } = self.version;
        let policy = |direction, level| {
            format!("spdadd {a} {b} {upper} -P {direction} ipsec esp/tunnel/{a}-{b}/{level};")
        };
        self.a.load(&policy("out", level));
        self.b.load(&policy("in", "use"));
    }

    /// The protocols of a ping, which is answered.
    fn sends(&self) -> Vec<u8> {
        drop(self.wire.received());
        assert!(self.a.ping(self.version.b), "no answer");
        self.wire.packets(1).remove(0).protocols
    }

    /// Without a packet there is no ACQUIRE.
    fn is_not_requested(&mut self) {
        sleep(A_WHILE);
        assert_eq!(self.requests(), [0; 3]);
    }

    /// The ACQUIREs since the last time: of netlink, AF_KEY and the service.
    fn requests(&mut self) -> [usize; 3] {
        let mut netlink = 0;
        while let Some(event) = self.netlink.try_next_event().expect("events") {
            netlink += usize::from(matches!(event, Event::Acquire(_)));
        }
        let [af_key, service] = self.pf_key.each_ref().map(acquires);
        [netlink, af_key, service]
    }

    fn is_requested_once(&mut self) {
        sleep(A_WHILE);
        assert_eq!(self.requests(), [1; 3]);
    }
}

fn service_socket(path: &std::path::Path) -> OwnedFd {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
    let socket = socket.expect("a socket");
    connect(&socket, &SocketAddrUnix::new(path).expect("an address")).expect("it listens");
    socket
}

/// The ACQUIREs that a socket has received.
fn acquires(socket: &OwnedFd) -> usize {
    let mut count = 0;
    let mut buffer = vec![0; 1 << 16];
    while is_readable(socket) {
        let (_, length) = recv(socket, &mut buffer[..], RecvFlags::DONTWAIT).expect("a message");
        let message = Message::decode(&buffer[..length]).expect("a message");
        count += usize::from(message.msg_type == MessageType::ACQUIRE);
    }
    count
}

fn is_readable(socket: impl AsFd) -> bool {
    let mut slots = [PollFd::new(&socket, PollFlags::IN)];
    poll(&mut slots, Some(&Timespec { tv_sec: 0, tv_nsec: 100_000_000 })).expect("poll(2)") > 0
}
