//! A restart of ipsecd is not felt by the programs that speak PF_KEY to it: their sockets stay, with what they have
//! registered, what waits for them, and the kernel's events meanwhile.

use std::{
    cell::RefCell,
    io::ErrorKind,
    os::{fd::OwnedFd, unix::net::UnixStream},
    thread,
    time::{Duration, Instant},
};

use pfkey::{Message, MessageType};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send, sockopt},
    process::Signal,
};
use scenarios::{
    Daemon, Host, ServiceManager,
    pfkey::{Draft, Seen, Side},
};

use super::{PATIENCE, eventually};

/// A policy whose packets need an SA.
const POLICY: &str = "spdadd 192.0.2.1 203.0.113.9 any -P out ipsec esp/transport//require;";

/// A registered program that knows nothing but its socket.
struct Client<'a> {
    side: &'a Side,
    socket: OwnedFd,
    received: RefCell<Vec<MessageType>>,
}

impl<'a> Client<'a> {
    fn register(side: &'a Side) -> Self {
        let client = Self::connect(side);
        client.ask("register esp");
        // A daemon that is killed before leaves the request to the next one, which refuses it.
        pfkey::client::wait(&client.socket).expect("it is carried out");
        client.receive(MessageType::REGISTER);
        client
    }

    fn connect(side: &'a Side) -> Self {
        let socket = side.open();
        let timeout = Some(PATIENCE);
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, timeout).expect("a timeout");
        Self { side, socket, received: RefCell::default() }
    }

    fn ask(&self, words: &str) {
        let bytes = Draft::read(words, 1).and_then(|draft| draft.bytes(&Seen::default()));
        let bytes = bytes.expect("a message");
        send(&self.socket, &bytes, SendFlags::empty()).expect("the socket stays");
    }

    /// Waits for a message of a type, which is no refusal; others may come before.
    fn receive(&self, wanted: MessageType) {
        loop {
            let place = self.received.borrow().iter().position(|received| *received == wanted);
            if let Some(place) = place {
                self.received.borrow_mut().remove(place);
                return;
            }
            let mut bytes = vec![0; 1 << 16];
            let received = recv(&self.socket, &mut bytes[..], RecvFlags::empty());
            let (_, length) = received.unwrap_or_else(|errno| panic!("no {wanted:?}: {errno}"));
            assert_ne!(length, 0, "the socket has come to its end");
            let message = Message::decode(&bytes[..length]).expect("a message");
            assert_eq!(message.errno, 0, "{message:?}");
            self.received.borrow_mut().push(message.msg_type);
        }
    }

    /// Waits for an answer that refuses. A daemon that was stopped may have left an event of its own change in the monitor,
    /// which the next one reports: an answer for the second time (docs/adr/0026-holder.md).
    fn receives_refusal(&self) {
        let mut bytes = vec![0; 1 << 16];
        loop {
            let received = recv(&self.socket, &mut bytes[..], RecvFlags::empty());
            let (_, length) = received.expect("an answer");
            let message = Message::decode(&bytes[..length]).expect("a message");
            if message.errno != 0 {
                return;
            }
        }
    }

    fn receives_the_end(&self) {
        let end = recv(&self.socket, &mut [0][..], RecvFlags::empty());
        // A request is removed from the socket after its answer: a daemon that was killed between the two leaves it.
        assert!(matches!(end, Ok((0, 0)) | Err(Errno::CONNRESET)), "{end:?}");
    }

    /// A packet needs an SA, and an SA is added, while `restart` is in progress: both are received.
    fn is_served_through(&self, restart: impl FnOnce()) {
        restart();
        self.side.send_packet("203.0.113.9".parse().expect("an address"));
        self.ask(
            "add esp sa:spi=0x1000,auth=3,encrypt=12 src:192.0.2.1 dst:192.0.2.77 akey:20 ekey:16",
        );
        self.receive(MessageType::ADD);
        self.receive(MessageType::ACQUIRE);
        self.side.host().ip("xfrm state flush");
        self.receive(MessageType::FLUSH);
    }
}

fn side_of(host: Host) -> Side {
    let path = host.kept().join("pfkey.sock");
    let side = Side::service(host, &path);
    side.connect_a_wire();
    side.host().load(POLICY);
    side
}

#[test]
fn the_installed_program_takes_its_place() {
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    let side = side_of(host);
    let client = Client::register(&side);
    let taken_over = || daemon.log().matches("taken over clients=1").count();
    for round in 0..10 {
        client.is_served_through(|| daemon.signal(Signal::USR2));
        eventually("it has taken over", || taken_over() > round);
        daemon.wait_for_news("READY=1");
    }
    let shown = side.host().ipsecctl("show clients --json").stdout;
    assert!(shown.contains("\"esp\""), "{shown}");
    // New programs are let in as well.
    let _another = Client::register(&side);
}

/// Signals that come while a program takes the place of another wait for it.
#[test]
fn signals_in_quick_succession() {
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    let side = side_of(host);
    let client = Client::register(&side);
    for (second, milliseconds) in
        [Signal::USR2, Signal::HUP].into_iter().flat_map(|it| (0..12).map(move |gap| (it, gap)))
    {
        daemon.signal(Signal::USR2);
        thread::sleep(Duration::from_millis(milliseconds));
        daemon.signal(second);
        client.ask("get esp sa:spi=0x1000 src:192.0.2.1 dst:192.0.2.77");
        client.receives_refusal();
        daemon.wait_for_news("READY=1");
    }
    client.is_served_through(|| ());
}

#[test]
fn a_service_manager_restarts_it() {
    let host = Host::new("host");
    let manager = ServiceManager::start(&host);
    let side = side_of(host);
    let client = Client::register(&side);
    let main_pid = || manager.systemctl("show -P MainPID ipsecd");
    for words in ["restart ipsecd", "kill -s KILL ipsecd", "kill -s USR2 ipsecd", "restart ipsecd"]
    {
        let before = main_pid();
        client.is_served_through(|| drop(manager.systemctl(words)));
        let is_executed = words.contains("USR2");
        eventually(words, || (main_pid() == before) == is_executed);
        eventually("it is up again", || {
            manager.systemctl("show -P SubState ipsecd") == "running\n"
        });
    }
    let _another = Client::register(&side);
}

/// A process of the daemon's keeps the sockets, until the next daemon is started in any way.
#[test]
fn a_crash_without_a_service_manager() {
    is_served_by_the_next(Signal::KILL);
}

/// An init script does no more than this.
#[test]
fn a_stop_and_a_start_without_a_service_manager() {
    is_served_by_the_next(Signal::TERM);
}

fn is_served_by_the_next(signal: Signal) {
    let host = Host::new("host");
    let mut daemon = Daemon::start(&host);
    let side = side_of(host);
    let client = Client::register(&side);
    for _ in 0..3 {
        client.is_served_through(|| {
            daemon.signal(signal);
            let _ = daemon.wait();
            daemon = Daemon::start(side.host());
        });
        daemon.wait_for_log("taken over clients=1");
        // The program that takes its place has the process, too.
        daemon.signal(Signal::USR2);
        eventually("it has taken over", || {
            daemon.log().matches("taken over clients=1").count() > 1
        });
        daemon.wait_for_news("READY=1");
    }
    let _another = Client::register(&side);
}

/// The sockets are with the daemon's process before the daemon serves.
#[test]
fn a_crash_during_the_start() {
    let host = Host::new("host");
    let mut daemon = Daemon::start(&host);
    let side = side_of(host);
    let client = Client::register(&side);
    for signal in [Signal::TERM, Signal::KILL] {
        client.is_served_through(|| {
            daemon.signal(signal);
            let _ = daemon.wait();
            for _ in 0..3 {
                daemon = Daemon::begin(side.host(), "");
                daemon.wait_for_log("fetched from the previous daemon");
                daemon.signal(Signal::KILL);
                let _ = daemon.wait();
            }
            daemon = Daemon::start(side.host());
        });
        daemon.wait_for_log("taken over clients=1");
    }
}

/// A request that a crash has interrupted is carried out again. If it had been carried out, the program gets the answer
/// that it would have got, and not a refusal.
#[test]
fn additions_that_a_crash_has_interrupted() {
    let host = Host::new("host");
    // SAs in tunnel mode are given a flag.
    host.set("net.inet.ipsec.dfbit=0");
    let mut daemon = Daemon::start(&host);
    let side = side_of(host);
    let client = Client::register(&side);
    let ends = "src:192.0.2.1 dst:192.0.2.77";
    let policy =
        "policy:type=ipsec,dir=in rq:esp,transport,unique src:192.0.2.0/24 dst:192.0.2.77/32";
    let requests = [
        format!("add esp sa:spi=0x1000,auth=3,encrypt=12 {ends} akey:20 ekey:16"),
        format!("add ah sa:spi=0x1001,auth=3,replay=8 sa2:mode=2,reqid=7 {ends} akey:20"),
        format!("add ipcomp sa:spi=0x1002,encrypt=2 {ends}"),
        format!(
            "add esp sa:spi=0x1003,auth=3,encrypt=12 {ends} hard:add=600 soft:add=500 akey:20 ekey:16"
        ),
        format!("spdadd any {policy}"),
    ];
    let [.., of_policy] = &requests;
    let answer =
        |request| if request == of_policy { MessageType::SPDADD } else { MessageType::ADD };
    for request in &requests {
        client.ask(request);
        client.receive(answer(request));
    }
    for signal in [Signal::KILL, Signal::TERM] {
        // A daemon that is stopped leaves the requests in the socket, as one that crashes before it removes them.
        daemon.signal(Signal::STOP);
        for request in &requests {
            client.ask(request);
        }
        // Another SA of a name that is there is not the one that was asked for.
        client.ask(&format!("add esp sa:spi=0x1000,auth=3,encrypt=12 {ends} akey:20 ekey:24"));
        daemon.signal(signal);
        daemon.signal(Signal::CONT);
        let _ = daemon.wait();
        daemon = Daemon::start(side.host());
        for request in &requests {
            // One that has ended in order has answered what it has begun.
            if signal == Signal::KILL {
                client.receive(answer(request));
            } else {
                client.receives_refusal();
            }
        }
        client.receives_refusal();
    }
    // What is sent later is no repetition.
    client.ask(&requests[0]);
    client.receives_refusal();
}

/// strongSwan registers one socket, for events, and sends its requests on another: it keeps both.
#[test]
fn requests_on_another_socket_than_the_registered_one() {
    let host = Host::new("host");
    let mut daemon = Daemon::start(&host);
    let side = side_of(host);
    let refused = "get esp sa:spi=0x1000 src:192.0.2.1 dst:192.0.2.77";
    let before = Client::connect(&side);
    let events = Client::register(&side);
    let after = Client::connect(&side);
    after.ask(refused);
    // A daemon that is killed before leaves the request to the next one, which answers it again.
    pfkey::client::wait(&after.socket).expect("it is carried out");
    after.receives_refusal();
    for round in 1..=3 {
        daemon.signal(Signal::STOP);
        for (client, spi) in [(&before, 0x1000), (&after, 0x2000)] {
            client.ask(&format!(
                "add esp sa:spi={},auth=3,encrypt=12 src:192.0.2.1 dst:192.0.2.77 akey:20 ekey:16",
                spi + round
            ));
        }
        daemon.signal(Signal::KILL);
        let _ = daemon.wait();
        daemon = Daemon::start(side.host());
        before.receive(MessageType::ADD);
        after.receive(MessageType::ADD);
        events.is_served_through(|| ());
    }
}

/// A program that has registered nothing keeps its socket as well, with the rest of its dump, where the daemon had
/// the time to leave it.
#[test]
fn a_dump_goes_on_after_a_stop() {
    const POLICIES: usize = 3_000;
    let host = Host::new("host");
    let mut daemon = Daemon::start(&host);
    let side = side_of(host);
    load_policies(&side, POLICIES);
    let client = Client::connect(&side);
    client.ask("spddump any");
    client.receive(MessageType::SPDDUMP);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    for name in ["pfkey.sock", "clients.sock", "socket.sock"] {
        assert!(!side.host().kept().join(name).exists(), "{name}: programs would wait there");
    }
    let daemon = Daemon::start(side.host());
    for _ in 1..POLICIES {
        client.receive(MessageType::SPDDUMP);
    }
    assert!(daemon.log().contains("taken over clients=1"), "{}", daemon.log());
}

/// systemd ends all processes of a unit with its first, and waits for them: there is none that waits for a daemon.
#[test]
fn a_unit_without_a_store() {
    let host = Host::new("host");
    let manager = ServiceManager::without_store(&host);
    let side = side_of(host);
    let main_pid = || manager.systemctl("show -P MainPID ipsecd");
    for words in ["restart ipsecd", "kill --kill-whom=main -s KILL ipsecd"] {
        let client = Client::register(&side);
        // Another namespace may have had the same directory, and left the file.
        let waiting = UnixStream::connect(side.host().kept().join("handover.sock"));
        let waiting = waiting.map_err(|error| error.kind());
        assert!(matches!(waiting, Err(ErrorKind::NotFound | ErrorKind::ConnectionRefused)));
        let before = main_pid();
        let _ = manager.systemctl(words);
        eventually("it is up again", || {
            main_pid() != before && manager.systemctl("show -P SubState ipsecd") == "running\n"
        });
        client.receives_the_end();
    }
}

/// After SIGTERM in five seconds, and after a crash in ten.
#[test]
fn a_daemon_that_does_not_come_back_ends_the_sockets() {
    for (signal, least, most) in [(Signal::TERM, 4, 9), (Signal::KILL, 9, 20)] {
        let host = Host::new("host");
        let mut daemon = Daemon::start(&host);
        let side = side_of(host);
        let client = Client::register(&side);
        let begun = Instant::now();
        daemon.signal(signal);
        let _ = daemon.wait();
        client.receives_the_end();
        let took = begun.elapsed().as_secs();
        assert!((least..most).contains(&took), "{signal:?}: {took} s");
        let _next = Daemon::start(side.host());
        let _another = Client::register(&side);
    }
}

/// With the one that is there, so many policies.
fn load_policies(side: &Side, count: usize) {
    let policies = (1..count)
        .map(|n| format!("spdadd 10.0.0.1 10.1.{}.{} any -P out none;\n", n / 256, n % 256));
    side.host().load(&policies.collect::<String>());
}

/// What was read of a dump and what was not: all of it comes.
#[test]
fn a_dump_goes_on() {
    const POLICIES: usize = 3_000;
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    let side = side_of(host);
    load_policies(&side, POLICIES);
    let client = Client::register(&side);
    client.ask("spddump any");
    client.receive(MessageType::SPDDUMP);
    daemon.signal(Signal::USR2);
    daemon.wait_for_log("taken over clients=1");
    for _ in 1..POLICIES {
        client.receive(MessageType::SPDDUMP);
    }
}

/// What a service manager would not have set is named, and the daemon serves.
#[test]
fn wrong_values_are_logged() {
    let host = Host::new("host");
    let words = "LISTEN_PID=7x LISTEN_FDS=2 LISTEN_FDNAMES=a:b";
    let daemon = Daemon::begin_by(&host, "env", words);
    daemon.wait_for_news("READY=1");
    let log = daemon.log();
    let expected = r#"descriptors not taken over variable="LISTEN_PID" value="7x""#;
    assert!(log.contains(expected), "{log}");
}
