//! The PF_KEY service under load: a slow reader gets its whole dump and delays no other client, and requests that wait together
//! are carried out together.

use std::{
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use pfkey::{Extension, Message, MessageType, ext::Policy};
use scenarios::{
    Host,
    pfkey::{RunningService, Side, ask, receive},
    times,
};

/// The slow reader's pace, and that of the other client.
const A_MESSAGE: Duration = Duration::from_millis(1);
const A_REQUEST: Duration = Duration::from_millis(50);
/// What a request may take.
const SOON: Duration = Duration::from_millis(100);

#[test]
fn a_slow_reader() {
    let host = Host::new("service");
    let service = RunningService::start(&host);
    let side = Side::service(host, service.path());
    let socket = side.open();
    let policies = times(20_000, 10_000);
    let took = Instant::now();
    add_policies(&socket, policies, 64);
    let rate = f64::from(policies) / took.elapsed().as_secs_f64();
    println!("{policies} policies, {rate:.0} a second");

    let is_over = AtomicBool::new(false);
    let (dump, answers) = thread::scope(|scope| {
        let other = scope.spawn(|| ask_until(&side.open(), &is_over));
        let dump = read_slowly(&side.open());
        is_over.store(true, Ordering::Relaxed);
        (dump, other.join().expect("it ends well"))
    });

    let seqs: Vec<u32> = dump.iter().map(|entry| entry.seq).collect();
    let expected: Vec<u32> = (1..policies).chain([0]).collect();
    assert_eq!(seqs.len(), expected.len());
    assert!(seqs == expected, "the entries do not count up");
    let mut indexes: Vec<u32> = dump.iter().filter_map(index).collect();
    indexes.sort_unstable();
    indexes.dedup();
    assert_eq!(indexes.len(), dump.len(), "an entry came twice");

    let slowest = answers.iter().max().expect("the other client was answered");
    println!("{} requests meanwhile, the slowest took {slowest:?}", answers.len());
    let late = answers.iter().filter(|&&took| took > SOON).count();
    assert!(late * 100 <= answers.len(), "{late} of {} answers were late", answers.len());
}

fn index(entry: &Message) -> Option<u32> {
    entry.extensions.iter().find_map(|extension| match extension {
        Extension::Policy(Policy { id, .. }) => Some(*id),
        _ => None,
    })
}

/// Adds policies, with some requests under way at once.
fn add_policies(socket: &OwnedFd, count: u32, in_flight: u32) {
    for n in 0..count + in_flight {
        if n < count {
            let [_, a, b, c] = n.to_be_bytes();
            let words = format!(
                "spdadd any policy:type=ipsec,dir=out,prio=1 rq:esp,transport,require \
                 src:10.0.0.1 dst:10.{a}.{b}.{c}"
            );
            ask(socket, &words, 1);
        }
        if n >= in_flight {
            assert_eq!(receive(socket).errno, 0);
        }
    }
}

/// A dump of the SPD, read at the slow reader's pace.
fn read_slowly(socket: &OwnedFd) -> Vec<Message> {
    ask(socket, "spddump any", 1);
    let start = Instant::now();
    let mut entries = Vec::new();
    for n in 1.. {
        let entry = receive(socket);
        let is_last = entry.seq == 0;
        entries.push(entry);
        if is_last {
            break;
        }
        thread::sleep((A_MESSAGE * n).saturating_sub(start.elapsed()));
    }
    entries
}

/// How long each of some requests took.
fn ask_until(socket: &OwnedFd, is_over: &AtomicBool) -> Vec<Duration> {
    let mut answers = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let start = Instant::now();
        ask(socket, "get esp sa:spi=1 src:192.0.2.1 dst:192.0.2.2", 1);
        assert_eq!(receive(socket).msg_type, MessageType::GET);
        answers.push(start.elapsed());
        thread::sleep(A_REQUEST);
    }
    answers
}
