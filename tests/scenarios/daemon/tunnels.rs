//! An outbound tunnel at level `use` is there while its SA is.

use std::{
    sync::mpsc::{self, Sender},
    thread,
    time::{Duration, Instant},
};

use engine::EventMonitor;
use model::{Event, EventGroup};
use scenarios::{
    Daemon, Host, Wire, link,
    protocol::{AH, ESP, ICMP, ICMP6},
};

use super::{PATIENCE, SA, TUNNEL, add_sa, eventually, templates};

/// Two hosts that ping each other.
struct Pair {
    a: Host,
    b: Host,
    wire: Wire,
    _daemons: [Daemon; 2],
    version: &'static Version,
}

/// What differs between the IP versions.
struct Version {
    a: &'static str,
    b: &'static str,
    length: u8,
    icmp: u8,
    /// The protocol of pings in a policy.
    upper: &'static str,
    /// Neighbours find each other in clear.
    discovery: &'static str,
}

const V4: Version = Version {
    a: "192.0.2.1",
    b: "192.0.2.2",
    length: 24,
    icmp: ICMP,
    upper: "icmp",
    discovery: "",
};

const V6: Version = Version {
    a: "2001:db8::1",
    b: "2001:db8::2",
    length: 64,
    icmp: ICMP6,
    upper: "icmp6",
    discovery: "
        spdadd ::/0 ::/0 icmp6 135,0 -P out none;
        spdadd ::/0 ::/0 icmp6 135,0 -P in none;
        spdadd ::/0 ::/0 icmp6 136,0 -P out none;
        spdadd ::/0 ::/0 icmp6 136,0 -P in none;
    ",
};

impl Pair {
    fn new(version: &'static Version) -> Self {
        let (a, b) = (Host::new("a"), Host::new("b"));
        let Version { length, discovery, .. } = version;
        link(&a, &format!("{}/{length}", version.a), &b, &format!("{}/{length}", version.b));
        // A late answer would be taken for that of the next ping.
        let wire = Wire::leaving(&a, "b");
        let daemons = [Daemon::start(&a), Daemon::start(&b)];
        let pair = Self { a, b, wire, _daemons: daemons, version };
        for host in [&pair.a, &pair.b] {
            host.load(discovery);
        }
        eventually("the hosts find each other", || pair.sends() == Some(vec![version.icmp]));
        pair
    }

    /// The protocols of a ping from a to b, if b has answered it.
    fn sends(&self) -> Option<Vec<u8>> {
        drop(self.wire.received());
        let answered = self.a.ping(self.version.b);
        let first = || self.wire.packets(1).remove(0).protocols;
        answered.then(first)
    }

    fn comes_to_send(&self, protocols: &[u8]) {
        eventually(&format!("a ping as {protocols:?}"), || {
            self.sends().is_some_and(|sent| sent == protocols)
        });
    }

    fn still_sends(&self, protocols: &[u8]) {
        thread::sleep(Duration::from_millis(300));
        assert_eq!(self.sends().as_deref(), Some(protocols));
    }

    /// A policy from one host to the other, on the one that sends and on the one that receives.
    fn policies(&self, [from, to]: [&str; 2], requests: &str) -> [String; 2] {
        ["out", "in"].map(|direction| {
            format!("spdadd {from} {to} {} -P {direction} ipsec {requests};", self.version.upper)
        })
    }
}

/// In clear without an SA, encrypted with one, however it comes and goes.
#[test]
fn an_sa_comes_and_goes() {
    let pair = Pair::new(&V4);
    let [out, into] = pair.policies([V4.a, V4.b], TUNNEL);
    pair.a.load(&out);
    pair.b.load(&into);
    pair.b.ip(&add_sa());
    pair.still_sends(&[ICMP]);

    let larval = "xfrm state allocspi src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel";
    pair.a.ip(&format!("{larval} min 0x2000 max 0x2000"));
    pair.still_sends(&[ICMP]);

    pair.a.ip(&add_sa());
    pair.comes_to_send(&[ESP]);
    pair.a.ip(&format!("xfrm state delete {SA}"));
    pair.comes_to_send(&[ICMP]);

    pair.a.ip(&add_sa());
    pair.comes_to_send(&[ESP]);
    pair.a.ip("xfrm state flush");
    pair.comes_to_send(&[ICMP]);

    let requested = pair.a.setkey("-DP").stdout;
    assert!(requested.contains(&format!("\tout prio def ipsec\n\t{TUNNEL}\n")), "{requested}");
}

/// The soft limit changes nothing, the hard one ends it.
#[test]
fn an_sa_expires() {
    let pair = Pair::new(&V4);
    let [out, into] = pair.policies([V4.a, V4.b], TUNNEL);
    pair.b.load(&into);
    pair.b.ip(&add_sa());
    pair.a.load(&out);
    pair.a.ip(&format!("{} limit packet-soft 2 limit packet-hard 20", add_sa()));
    pair.comes_to_send(&[ESP]);
    // Some pings may have gone unanswered on a busy machine.
    let sas = || pair.a.show("-s xfrm state");
    assert_eq!(pair.sends().as_deref(), Some(&[ESP][..]), "up to the soft limit\n{}", sas());
    assert!(pair.a.setkey("-D").stdout.contains("state=dying"), "the soft limit is passed");
    assert_eq!(pair.sends().as_deref(), Some(&[ESP][..]), "after the soft limit\n{}", sas());
    pair.comes_to_send(&[ICMP]);
    assert_eq!(pair.a.show("xfrm state"), "", "the hard limit is reached");
}

/// ESP is optional, AH around it is not, in both directions.
#[test]
fn a_bundle() {
    for version in [&V4, &V6] {
        let pair = Pair::new(version);
        let Version { a, b, icmp, .. } = version;
        let requests =
            |from, to| format!("esp/tunnel/{from}-{to}/use ah/transport/{from}-{to}/require");
        let [a_out, b_in] = pair.policies([a, b], &requests(a, b));
        let [b_out, a_in] = pair.policies([b, a], &requests(b, a));
        let ah = format!(
            r#"add {a} {b} ah 0x2001 -A hmac-md5 "hmac-md5 from ab";
            add {b} {a} ah 0x2002 -A hmac-md5 "hmac-md5 from ba";"#
        );
        pair.a.load(&format!("{a_out} {a_in} {ah}"));
        pair.b.load(&format!("{b_out} {b_in} {ah}"));
        pair.comes_to_send(&[AH, *icmp]);

        let state = |host: &Host, command: &str, key: &str| {
            let sa = |[from, to]: [&str; 2], spi| {
                format!("xfrm state {command} src {from} dst {to} proto esp spi {spi} {key}\n")
            };
            host.ip(&(sa([a, b], "0x1001") + &sa([b, a], "0x1002")));
        };
        let key = format!("mode tunnel enc cbc(aes) 0x{}", "5a".repeat(16));
        for host in [&pair.b, &pair.a] {
            state(host, "add", &key);
        }
        pair.comes_to_send(&[AH, ESP]);
        for host in [&pair.a, &pair.b] {
            state(host, "delete", "");
        }
        pair.comes_to_send(&[AH, *icmp]);
    }
}

/// From the event of an SA to the policy's new form it is a matter of milliseconds.
#[test]
fn within_fifty_milliseconds() {
    const ROUNDS: usize = 10;
    let host = Host::new("host");
    let _daemon = Daemon::start(&host);
    host.load(&format!("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec {TUNNEL};"));
    let (sender, reactions) = mpsc::channel();
    let mut times = thread::scope(|scope| {
        scope.spawn(|| host.within(|| measure_reactions(2 * ROUNDS, &sender)));
        let reaction = || reactions.recv_timeout(PATIENCE).expect("a reaction");
        assert_eq!(reaction(), Duration::ZERO);
        let round = |_| {
            [add_sa(), format!("xfrm state delete {SA}")].map(|change| {
                host.ip(&change);
                reaction()
            })
        };
        (0..ROUNDS).flat_map(round).collect::<Vec<_>>()
    });
    times.sort();
    println!("from an SA's event to the policy's: {times:?}");
    // The machine may have other things to do.
    assert!(times[ROUNDS / 2] < Duration::from_millis(50), "the first quarter of {times:?}");
}

/// Sends how long after an SA came or went its policy was replaced, that often; zero once it listens.
fn measure_reactions(count: usize, reactions: &Sender<Duration>) {
    let mut monitor = EventMonitor::open(&[EventGroup::Sa, EventGroup::Policy]).expect("a monitor");
    let report = |time| reactions.send(time).expect("the test waits");
    report(Duration::ZERO);
    let mut changed = Instant::now();
    let mut reported = 0;
    while reported < count {
        match monitor.next_event().expect("an event") {
            Event::SaAdded { .. } | Event::SaDeleted { .. } => changed = Instant::now(),
            Event::PolicyUpdated { .. } => {
                report(changed.elapsed());
                reported += 1;
            }
            _ => {}
        }
    }
}

/// An IKE daemon waits for the answer to a change of an SA: nothing but that is done meanwhile.
#[test]
fn sas_of_no_followed_tunnel_wake_no_main_thread() {
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    let pid = daemon.pid();
    let wakes = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse::<u64>().ok()).expect("a number")
    };
    let wakes_for_no_sa = || {
        let before = wakes();
        for _ in 0..5 {
            host.ip(&add_sa());
            host.ip(&format!("xfrm state delete {SA}"));
        }
        wakes() == before
    };
    eventually("no policy depends on an SA", wakes_for_no_sa);
    // One that does so comes later, and goes again.
    host.load(&format!("spdadd 192.0.2.1 192.0.2.2 any -P out ipsec {TUNNEL};"));
    host.ip(&add_sa());
    eventually("its template is there", || templates(&host) == 1);
    host.ip(&format!("xfrm state delete {SA}"));
    eventually("it is gone with its SA", || templates(&host) == 0);
    host.load("spdflush;");
    eventually("no policy depends on an SA any more", wakes_for_no_sa);
}
