//! The PF_KEY service at its limits: clients that do not read, more clients than it serves, no descriptor left.

use std::{
    fs,
    io::Read,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with,
};
use scenarios::{Daemon, Host, Outcome, Vitals, processor_ticks, times};

/// A request that every service refuses: version 0.
const REFUSED: [u8; 16] = [0; 16];
/// X_SPDDUMP of an empty SPD, which the service answers with ENOENT.
const DUMP: [u8; 16] = [2, 18, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0];
/// REGISTER of ESP.
const REGISTER: [u8; 16] = [2, 7, 0, 3, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0];
const ENOENT: u8 = 2;
const ENFILE: u8 = 23;

const KIB_OF_MIB: u64 = 1 << 10;

struct Service {
    daemon: Daemon,
    host: Host,
}

impl Service {
    /// Starts ipsecd with limits, the options of prlimit(1).
    fn start(limits: &str) -> Self {
        let host = Host::new("service");
        let daemon = Daemon::begin_by(&host, "prlimit", limits);
        daemon.wait_for_news("READY=1");
        Self { daemon, host }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.host.kept().join(name)
    }

    fn connect(&self) -> OwnedFd {
        let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
        let socket = socket_with(AddressFamily::UNIX, kind, flags, None).expect("a socket");
        let address = SocketAddrUnix::new(self.path("pfkey.sock")).expect("an address");
        connect(&socket, &address).expect("the service listens");
        socket
    }

    /// The errno of the first message that a new client receives after its request; of the end, 0.
    fn ask(&self) -> (OwnedFd, u8) {
        let socket = self.connect();
        let _ = send(&socket, &DUMP, SendFlags::NOSIGNAL);
        let mut answer = [0; 64];
        let mut receive = || recv(&socket, &mut answer[..], RecvFlags::empty()).map(|it| it.1);
        // ECONNRESET: the request was sent after the refusal.
        let length = receive().or_else(|_| receive());
        let errno = if length.is_ok_and(|length| length >= 16) { answer[2] } else { 0 };
        (socket, errno)
    }

    /// The list of the clients.
    fn clients(&self) -> usize {
        let mut list = String::new();
        let mut reader =
            UnixStream::connect(self.path("clients.sock")).expect("the service listens");
        reader.read_to_string(&mut list).expect("a list");
        list.lines().count()
    }

    fn set_limits(&self, limits: &str) {
        let pid = format!("--pid={}", self.daemon.pid().as_raw_nonzero());
        Outcome::success(Command::new("prlimit").arg(pid).args(limits.split_whitespace()));
    }

    /// Whether there is a default policy.
    fn discards(&self) -> bool {
        self.host.show("xfrm policy").contains("action block")
    }

    fn wait_until(&self, condition: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !condition(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{}", self.daemon.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What is stored for a crash is stored once: a registration costs the same however many clients have registered. Without
/// a service manager, the daemon waits until its own process has received it.
#[test]
fn clients_that_register() {
    const CLIENTS: usize = 150;
    let service = Service::start("--nofile=4096");
    let begun = Instant::now();
    let registered: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let socket = service.connect();
            send(&socket, &REGISTER, SendFlags::NOSIGNAL).expect("a client");
            let answer = recv(&socket, &mut [0; 64][..], RecvFlags::TRUNC).expect("an answer");
            assert!(answer.1 >= 16, "{answer:?}");
            socket
        })
        .collect();
    let took = begun.elapsed();
    println!("{CLIENTS} clients register in {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(service.clients(), registered.len());
}

/// Memory is limited whatever the size of the messages, and returned when the clients have gone.
#[test]
fn clients_that_do_not_read() {
    let service = Service::start("--nofile=1024");
    let requests = times(500_000, 40_000);
    drop(service.ask());
    let before = Vitals::of(service.daemon.pid()).memory;
    let clients: Vec<_> = (0..20).map(|_| service.connect()).collect();
    thread::scope(|scope| {
        for client in &clients {
            scope.spawn(move || {
                for _ in 0..requests {
                    send(client, &REFUSED, SendFlags::NOSIGNAL).expect("the service reads");
                }
            });
        }
    });
    assert_eq!(service.ask().1, ENOENT);
    let with_clients = Vitals::of(service.daemon.pid()).memory;
    drop(clients);
    service.wait_until(|service| service.clients() == 0);
    let after = Vitals::of(service.daemon.pid()).memory;
    println!("{before} KiB before, {with_clients} KiB with clients, {after} KiB after");
    assert!(with_clients < before + 96 * KIB_OF_MIB, "{with_clients} KiB");
    assert!(after < before + 8 * KIB_OF_MIB, "{after} KiB");
    assert_eq!(service.daemon.log().matches("client too slow").count(), 20);
}

/// 1,500 clients of which each keeps its connection. The daemon does its other work.
#[test]
fn more_clients_than_are_served() {
    let service = Service::start("--nofile=1024");
    let mut clients = Vec::new();
    let mut errnos = Vec::new();
    for _ in 0..times(1_500, 600) {
        let (client, errno) = service.ask();
        clients.push(client);
        errnos.push(errno);
    }
    let served = errnos.iter().take_while(|&&errno| errno == ENOENT).count();
    println!("{served} clients are served");
    assert!((100..400).contains(&served));
    assert!(errnos[served..].iter().all(|&errno| errno == ENFILE), "{errnos:?}");
    assert_eq!(service.clients(), served);
    // It still restores the default policy, for which it needs descriptors.
    service.host.set("net.inet.ipsec.def_policy=0");
    service.wait_until(Service::discards);
    service.host.ip("xfrm policy flush");
    service.wait_until(Service::discards);
    drop(clients);
    service.wait_until(|service| service.clients() == 0);
    assert_eq!(service.ask().1, ENOENT);
    let log = service.daemon.log();
    assert_eq!(log.matches("clients refused").count(), 1, "{log}");
    assert!(log.contains("clients accepted again refused="), "{log}");
}

/// Without a descriptor left a client is refused with the reason, and the service does not spin.
#[test]
fn no_descriptor_is_left() {
    let service = Service::start("--nofile=1024");
    let first = service.ask();
    assert_eq!(first.1, ENOENT);
    // The next descriptor is the spare one.
    let highest = || {
        let pid = service.daemon.pid().as_raw_nonzero();
        let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("the daemon is there");
        let numbers = files.flatten().filter_map(|file| file.file_name().to_str()?.parse().ok());
        numbers.max().unwrap_or(0_u32)
    };
    service.set_limits(&format!("--nofile={}:1024", highest() + 1));
    let (_refused, errno) = service.ask();
    assert_eq!(errno, ENFILE);

    // Not even the number of the spare one can be used. poll(2) of the few descriptors still works.
    service.set_limits("--nofile=8:1024");
    let waiting = service.connect();
    let reader = UnixStream::connect(service.path("clients.sock")).expect("the service listens");
    let before = processor_ticks(service.daemon.pid());
    thread::sleep(Duration::from_secs(3));
    let used = processor_ticks(service.daemon.pid()) - before;
    assert!(used < 30, "{used} ticks in 3 s");

    service.set_limits("--nofile=1024:1024");
    drop(reader);
    send(&waiting, &DUMP, SendFlags::empty()).expect("the service listens");
    let mut answer = [0; 64];
    recv(&waiting, &mut answer[..], RecvFlags::empty()).expect("an answer");
    assert_eq!(answer[2], ENOENT);
}

/// Connects as fast as possible for a while; prints how often.
const FLOOD: &str = "import socket, sys, time
begun, count = time.monotonic(), 0
while time.monotonic() < begun + 3:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as service:
        service.connect(sys.argv[1])
        service.recv(99)
    count += 1
print(count)";

/// Root without the capability, which can connect, does not fill the log.
#[test]
fn a_flood_of_clients_without_the_privilege_is_a_few_lines_of_log() {
    let service = Service::start("--nofile=4096");
    let mut flood = service.host.command("setpriv");
    flood
        .args(["--bounding-set=-net_admin", "python3", "-c", FLOOD])
        .arg(service.path("pfkey.sock"));
    let count: usize = Outcome::success(&mut flood).trim().parse().expect("a number");
    let log = service.daemon.log();
    let lines = log.lines().filter(|line| line.contains("client rejected")).count();
    println!("{lines} lines of {count} clients");
    assert!(count > 60 && (1..50).contains(&lines), "{lines} lines of {count} clients");
}
