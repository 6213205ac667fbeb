//! How many SPDADDs a second one client gets answered, by AF_KEY and by the service, on the same kernel, as root:
//! `tests/kernel/run target/release/pfkey_rate`; with `--service`, on a kernel without AF_KEY.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::net::{RecvFlags, SendFlags, recv, send};
use scenarios::{
    Host,
    pfkey::{Draft, RunningService, Seen, Side},
};

const POLICIES: u32 = 10_000;
/// Bytes of an answer that is no policy.
const HEADER: usize = 16;

fn main() {
    let host = Host::new("service");
    let running = RunningService::start(&host);
    let service = ("the service", Side::service(host, running.path()));
    let without_af_key = std::env::args().any(|word| word == "--service");
    let af_key = (!without_af_key).then(|| ("AF_KEY", Side::af_key()));
    let sides: Vec<_> = af_key.into_iter().chain([service]).collect();
    // 1: it waits for each answer. AF_KEY drops answers that wait in their hundreds.
    for under_way in [1, 16, 64, 100] {
        for (name, side) in &sides {
            let took = add_policies(&side.open(), under_way);
            let rate = f64::from(POLICIES) / took.as_secs_f64();
            println!("{name}, {under_way} under way: {rate:.0} SPDADDs a second");
            side.host().ip("xfrm policy flush");
        }
    }
}

/// Adds policies, with some requests under way all the time.
fn add_policies(socket: &OwnedFd, under_way: usize) -> Duration {
    let messages: Vec<_> = (0..POLICIES).map(message).collect();
    let mut buffer = [0; 4096];
    let start = Instant::now();
    for n in 0..messages.len() + under_way {
        if n >= under_way {
            let (_, length) = recv(socket, &mut buffer, RecvFlags::empty()).expect("an answer");
            assert!(
                length > HEADER && buffer[2] == 0,
                "SPDADD was refused with errno {}",
                buffer[2]
            );
        }
        if let Some(message) = messages.get(n) {
            send(socket, message, SendFlags::empty()).expect("somebody listens");
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
