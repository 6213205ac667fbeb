//! Much use for a long time: ipsecd needs no more at the end than after a while.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::{
    net::{RecvFlags, SendFlags, recv, send},
    process::Signal,
};
use scenarios::{
    Vitals, lasts,
    pfkey::{Draft, Seen, Side},
};

use super::{FLAT, Served, answer_time, patient};

/// Policies and SAs that a script has, so many that something would be seen if one were kept.
const POLICIES: u32 = 20;

/// Requests of clients that come and go, some of whose answers are not read.
const REQUESTS: [&str; 7] = [
    "register esp",
    "register ah",
    "dump any",
    "spddump any",
    "getspi esp sa2:mode=transport src:10.0.0.1 dst:10.0.0.2 range:0x2000-0xffffff",
    "spdadd any policy:type=ipsec,dir=out rq:esp,tunnel,use,10.0.0.1-10.0.0.2 src:10.3.0.0/24 dst:10.4.0.0/24",
    "spddelete any policy:type=ipsec,dir=out src:10.3.0.0/24 dst:10.4.0.0/24",
];

#[test]
fn nothing_grows() {
    let served = Served::new();
    let mut measured: Vec<(Duration, Vitals)> = Vec::new();
    let begin = Instant::now();
    let mut rounds = 0;
    // What is kept for good, such as the memory of the most that was in use at once, is there after a quarter.
    for quarter in 1..=4 {
        while begin.elapsed() < lasts() * quarter / 4 {
            round(&served, rounds);
            rounds += 1;
        }
        measured.push((begin.elapsed(), at_rest(&served)));
    }
    println!("{rounds} rounds");
    for (time, vitals) in &measured {
        println!("after {time:.0?}: {vitals:?}");
    }
    let (first, last) = (measured[0].1, measured[3].1);
    assert!(last.memory <= first.memory + FLAT, "{measured:#?}");
    assert_eq!((last.descriptors, last.threads), (first.descriptors, first.threads));
    served.answers();
    let log = served.daemon.log();
    assert!(!log.contains("ERROR"), "{log}");
}

/// Everything once.
fn round(served: &Served, number: u32) {
    let host = &served.host;
    host.load(&script(number));
    host.set(&format!("net.inet.ipsec.esp_net_deflev={}", 1 + number % 2));
    clients_come_and_go(&served.side(), number);
    host.set(&format!("net.inet.ipsec.def_policy={}", number % 2));
    if number.is_multiple_of(3) {
        served.daemon.signal(Signal::HUP);
        let protected = served.protect();
        assert_eq!(protected.status, 0, "{protected:?}");
    }
    host.ip("xfrm state flush");
    if number.is_multiple_of(5) {
        host.ip("xfrm policy flush");
        host.flush();
    }
}

/// Policies of each level, with SAs for some of them.
fn script(number: u32) -> String {
    let policies = (0..POLICIES).map(|n| {
        let level = ["use", "default", "require", "unique:7"][(n % 4) as usize];
        let tunnel = format!("10.0.{}.1-10.0.{}.2", n % 5, n % 5);
        format!("spdadd 10.1.{n}.0/24 10.2.{number}.0/24 any -P out ipsec esp/tunnel/{tunnel}/{level};\n", number = number % 200)
    });
    let sas = (0..5).map(|n| {
        format!("add 10.0.{n}.1 10.0.{n}.2 esp {} -m tunnel -E null -A hmac-sha1 \"01234567890123456789\";\n", 0x1000 + n)
    });
    let begin = ["flush;\nspdflush;\n".to_owned()];
    begin.into_iter().chain(policies).chain(sas).collect()
}

/// Clients that ask, of which every third reads nothing.
fn clients_come_and_go(side: &Side, number: u32) {
    let sockets: Vec<_> = (0..6).map(|_| patient(side.open())).collect();
    for (socket, place) in sockets.iter().zip(number as usize..) {
        for words in REQUESTS.iter().cycle().skip(place).take(4) {
            let draft = Draft::read(words, 1).expect("a message");
            let bytes = draft.bytes(&Seen::default()).expect("a message");
            send(socket, &bytes, SendFlags::empty()).expect("the service listens");
        }
        if place % 3 != 0 {
            while recv(socket, &mut [0; 1 << 12][..], RecvFlags::DONTWAIT).is_ok() {}
        }
    }
    answer_time(&patient(side.open()));
}

/// What ipsecd uses when nothing is asked of it.
fn at_rest(served: &Served) -> Vitals {
    served.host.flush();
    let mut vitals = Vitals::of(served.daemon.pid());
    loop {
        thread::sleep(Duration::from_millis(300));
        let now = Vitals::of(served.daemon.pid());
        if (now.threads, now.descriptors) == (vitals.threads, vitals.descriptors) {
            return now;
        }
        vitals = now;
    }
}
