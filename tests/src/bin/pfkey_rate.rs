//! How many SPDADDs a second one client gets answered, on the same kernel, as root:
//!
//!     cargo build --release -p scenarios -p ipsecd --bins
//!     tests/kernel/run target/release/pfkey_rate
//!
//! by AF_KEY; by a bare relay, a process that hands a message from a Unix socket to AF_KEY, and the answer back, and
//! does nothing else; by the service in a process of its own; and by ipsecd, with its other work. On a kernel without
//! AF_KEY, with `--service`, only by the last two.
//!
//! A client of AF_KEY makes two system calls a request. The relay makes four more, and the processor goes to it and
//! back: no service in user space that takes one request after the other can be faster.

use std::{
    env,
    io::{self, BufRead, BufReader, ErrorKind},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use ipsecd::{Handover, pfkey::Server};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept, bind,
    listen, recv, send, socket_with,
};
use scenarios::{
    Host,
    pfkey::{Draft, Seen, Side, af_key_socket},
};

/// Of one measurement.
const POLICIES: u32 = 2_000;
/// Measurements of each side in turn, after one that does not count.
const ROUNDS: usize = 11;
/// Requests under way all the time; 1: each answer is awaited. AF_KEY drops answers that wait in their hundreds.
const DEPTHS: [usize; 4] = [1, 16, 64, 100];
/// Until policies that were deleted are freed.
const REST: Duration = Duration::from_millis(50);
/// Where the relay listens.
const RELAY: &str = "/run/pfkey-relay.sock";
/// Bytes of an answer that is no policy.
const HEADER: usize = 16;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(true),
        ["--service"] => compare(false),
        ["serve"] => serve(),
        ["relay", path] => relay(Path::new(path)),
        _ => panic!("pfkey_rate [--service]"),
    }
}

fn compare(with_af_key: bool) {
    let mut contestants = Vec::new();
    if with_af_key {
        contestants.push(("AF_KEY", Contestant { side: Side::af_key(), process: None }));
        contestants.push(("a bare relay", Contestant::start(&["relay", RELAY])));
    }
    contestants.push(("the service", Contestant::start(&["serve"])));
    contestants.push(("ipsecd", Contestant::daemon()));
    let messages: Vec<_> = (0..POLICIES).map(message).collect();
    for in_flight in DEPTHS {
        let mut rates = vec![Vec::new(); contestants.len()];
        for round in 0..=ROUNDS {
            for ((_, contestant), rates) in contestants.iter().zip(&mut rates) {
                let rate = contestant.rate(&messages, in_flight);
                if round > 0 {
                    rates.push(rate);
                }
            }
        }
        for (place, ((name, _), own)) in contestants.iter().zip(&rates).enumerate() {
            let (least, median, most) = spread(own.clone());
            print!(
                "{in_flight:>3} under way: {name:<12} {median:>6.0} SPDADDs a second ({least:.0} to {most:.0})"
            );
            for ((other, _), others) in contestants.iter().zip(&rates).take(place) {
                // Round by round: the machine may have other work in some.
                let ratios = own.iter().zip(others).map(|(own, other)| own / other);
                print!(", {:.2} of {other}", spread(ratios.collect()).1);
            }
            println!();
        }
    }
}

/// The least, the median and the most.
fn spread(mut numbers: Vec<f64>) -> (f64, f64, f64) {
    numbers.sort_by(f64::total_cmp);
    (numbers[0], numbers[numbers.len() / 2], numbers[numbers.len() - 1])
}

/// Who answers, on a host of its own; ended when it is dropped.
struct Contestant {
    side: Side,
    process: Option<Child>,
}

impl Contestant {
    /// Starts this program as another, which prints when and where it listens.
    fn start(role: &[&str]) -> Self {
        let host = Host::new("service");
        let mut command = host.command(env::current_exe().expect("the path of this program"));
        command.args(role).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it runs again");
        let mut path = String::new();
        let printed = process.stdout.take().expect("a pipe");
        BufReader::new(printed).read_line(&mut path).expect("it listens");
        let side = Side::service(host, Path::new(path.trim_end()));
        Self { side, process: Some(process) }
    }

    /// Starts ipsecd, the service within it.
    fn daemon() -> Self {
        let host = Host::new("service");
        let program = env::current_exe().expect("the path of this program");
        let mut command = host.command(program.with_file_name("ipsecd"));
        let process = command.arg("--no-sockets").spawn().expect("ipsecd was built too");
        let path = host.kept().join("pfkey.sock");
        let is_absent = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::ConnectionRefused);
        while UnixStream::connect(&path).is_err_and(|error| is_absent(error.kind())) {
            thread::sleep(REST);
        }
        let side = Side::service(host, &path);
        Self { side, process: Some(process) }
    }

    /// How many requests a second are answered, with some under way all the time.
    fn rate(&self, messages: &[Vec<u8>], in_flight: usize) -> f64 {
        let took = ask(&self.side.open(), messages, in_flight);
        self.side.host().ip("xfrm policy flush");
        thread::sleep(REST);
        f64::from(POLICIES) / took.as_secs_f64()
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn ask(socket: &OwnedFd, messages: &[Vec<u8>], in_flight: usize) -> Duration {
    let mut buffer = [0; 4096];
    let start = Instant::now();
    for n in 0..messages.len() + in_flight {
        if n >= in_flight {
            let (_, length) = recv(socket, &mut buffer, RecvFlags::empty()).expect("an answer");
            assert!(
                length > HEADER && buffer[2] == 0,
                "SPDADD was refused with errno {}",
                buffer[2]
            );
        }
        if let Some(message) = messages.get(n) {
            send(socket, message, SendFlags::empty()).expect("the other end listens");
        }
    }
    start.elapsed()
}

fn message(n: u32) -> Vec<u8> {
    let [_, a, b, c] = n.to_be_bytes();
    let words = format!(
        "spdadd any policy:type=ipsec,dir=out,prio=1 rq:esp,transport,require src:10.0.0.1 dst:10.{a}.{b}.{c}"
    );
    let draft = Draft::read(&words, 1).expect("a message");
    draft.bytes(&Seen::default()).expect("a message")
}

fn serve() {
    let mut service = Server::open(&mut Handover::default(), Arc::default()).expect("a service");
    println!("{}", service.path().display());
    service.run(io::stdin()).expect("it goes on");
}

/// One answer a request, and no client beside another.
fn relay(path: &Path) {
    let kind = SocketType::SEQPACKET;
    let listener = socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None);
    let listener = listener.expect("a socket");
    bind(&listener, &SocketAddrUnix::new(path).expect("an address")).expect("the address is free");
    listen(&listener, 1).expect("a socket listens");
    println!("{}", path.display());
    let mut buffer = [0; 4096];
    loop {
        let client = accept(&listener).expect("a client");
        let af_key = af_key_socket();
        let mut pass = |from: &OwnedFd, to: &OwnedFd| {
            let (_, length) = recv(from, &mut buffer, RecvFlags::empty()).expect("a message");
            length != 0
                && send(to, &buffer[..length], SendFlags::NOSIGNAL).is_ok_and(|sent| sent == length)
        };
        while pass(&client, &af_key) && pass(&af_key, &client) {}
    }
}
