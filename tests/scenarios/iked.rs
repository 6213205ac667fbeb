//! Debian's iked (OpenIKED 7.2) as it is, on two hosts whose PF_KEY is the service. It makes its own SAs and policies, replaces
//! the SAs when they come of age, and takes its leave. It knows of no restart of ipsecd. On the wire there is nothing but ESP
//! and IKE.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::LazyLock,
    thread::sleep,
    time::{Duration, Instant},
};

use regex::Regex;
use rustix::process::Signal;
use scenarios::{
    Access, Daemon, Host, Iked, Pings, ServiceManager, Wire, eventually, link,
    protocol::{ESP, ICMP, UDP},
    times,
};

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";

/// How long anything may take: far longer than any does.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first host's SAs are replaced after 11 or 12 seconds: iked asks for 85 to 95 % of this, in whole seconds. Shorter, a
/// host that has much else to do would not have replaced them when they end.
const LIFETIME: Duration = Duration::from_secs(13);

#[test]
fn preloaded() {
    let managers = |host: &Host| ServiceManager::start(host);
    let hosts = Hosts::start(Access::Preloaded, ["active", "passive"], managers);
    let first = hosts.established();
    let traffic = hosts.traffic();
    let before = times(2, 1);
    let rekeyed = (0..before).fold(first, |sas, _| hosts.rekeyed(&sas));

    // The service manager keeps the sockets of the service, whatever becomes of the process.
    let words = ["kill -s USR2 ipsecd", "restart ipsecd", "kill -s KILL ipsecd"];
    words.into_iter().fold(rekeyed, |sas, words| {
        hosts.ends.iter().for_each(|end| end.restart(words));
        hosts.rekeyed(&sas)
    });
    traffic.went_through(&hosts, before + 3);
    hosts.leave();
}

#[test]
fn by_run() {
    let hosts = Hosts::start(Access::Run, ["active", "passive"], Daemon::start);
    let first = hosts.established();
    let traffic = hosts.traffic();
    let rekeyed = hosts.rekeyed(&first);
    for end in &hosts.ends {
        end.service.signal(Signal::USR2);
        end.service.wait_for_log("taken over clients=1");
    }
    let _ = hosts.rekeyed(&rekeyed);
    traffic.went_through(&hosts, 2);
    hosts.leave();
}

/// Both wait. The first packet that meets with a policy, which is not iked's, makes the first host's begin.
#[test]
fn wanted_by_a_packet() {
    let hosts = Hosts::start(Access::Preloaded, ["passive", "passive"], Daemon::start);
    for (end, [here, there]) in hosts.ends.iter().zip([[A, B], [B, A]]) {
        end.host.load(&format!(
            "spdadd {here} {there} any -P out ipsec esp/transport//require;
            spdadd {there} {here} any -P in ipsec esp/transport//require;"
        ));
        assert_eq!(end.sas(), BTreeSet::new());
    }
    let traffic = hosts.traffic();
    let _ = hosts.established();
    hosts.ends[0].iked.wait_for("pfkey_process: acquire request (peer 192.0.2.2)");
    traffic.went_through(&hosts, 0);
    hosts.leave();
}

/// Without a service manager that stores sockets, a process of ipsecd's own does, for a while.
#[test]
fn a_service_that_was_killed_or_stopped_and_a_new_one() {
    let mut hosts = Hosts::start(Access::Preloaded, ["active", "passive"], Daemon::start);
    let first = hosts.established();
    let traffic = hosts.traffic();
    let rekeyed = hosts.rekeyed(&first);
    let after = times(2, 1);
    let _ = [Signal::KILL, Signal::TERM].into_iter().fold(rekeyed, |sas, signal| {
        hosts.another_service(signal, Duration::ZERO);
        for end in &hosts.ends {
            end.service.wait_for_log("taken over clients=1");
        }
        (0..after).fold(sas, |sas, _| hosts.rekeyed(&sas))
    });
    traffic.went_through(&hosts, 1 + 2 * after);
    hosts.leave();
}

/// The sockets have ended some time after the service. iked's PF_KEY process has changed its root and its user, so it
/// cannot connect again, and its SAs end (libpfkey-preload(7), CAVEATS). It does not spin, nothing goes in clear, and a
/// restart of iked helps.
#[test]
fn a_service_that_was_stopped_and_a_new_one_too_late() {
    let mut hosts = Hosts::start(Access::Preloaded, ["active", "passive"], Daemon::start);
    let traffic = hosts.traffic();
    let _ = hosts.established();
    hosts.another_service(Signal::TERM, Duration::from_secs(8));
    eventually("the SAs end", || hosts.ends[0].sas().is_empty());
    sleep(LIFETIME / 4);
    traffic.was_secret(&hosts);

    hosts.ends.iter_mut().for_each(|end| end.iked.end());
    // The passive one first: the other begins at once.
    for end in hosts.ends.iter_mut().rev() {
        end.iked = end.iked.another(&end.host);
    }
    let traffic = hosts.traffic();
    let _ = hosts.established();
    traffic.went_through(&hosts, 0);
    hosts.leave();
}

/// Two hosts with iked and a service each, and an onlooker between them.
struct Hosts<S> {
    ends: [End<S>; 2],
    wire: Wire,
}

struct End<S> {
    iked: Iked,
    service: S,
    host: Host,
}

impl<S> Hosts<S> {
    fn start(access: Access, modes: [&str; 2], service: impl Fn(&Host) -> S) -> Self {
        let [a, b] = ["a", "b"].map(Host::new);
        link(&a, &format!("{A}/24"), &b, &format!("{B}/24"));
        let wire = Wire::tap(&a, "b");
        assert!(a.ping(B), "a ping passes in clear, and the onlooker sees it");
        assert!(wire.packets(2).iter().all(|packet| packet.protocols == [ICMP]));
        let start = |host: Host, [here, there]: [&str; 2], mode: &str, lifetime: Duration| {
            // iked itself refuses its own default on Linux, hmac-sha2-256.
            let configuration = format!(
                "ikev2 \"hosts\" {mode} transport esp from {here} to {there} local {here} peer {there} \
                 ikesa enc aes-128 auth hmac-sha2-256 group curve25519 \
                 childsa enc aes-128 auth hmac-sha1 noesn \
                 srcid {here} dstid {there} lifetime {} psk \"a key that both hosts know\"\n",
                lifetime.as_secs()
            );
            let service = service(&host);
            End { iked: Iked::start(&host, access, &configuration), service, host }
        };
        // The passive one first: the other begins at once.
        let b = start(b, [B, A], modes[1], Duration::from_secs(3600));
        let a = start(a, [A, B], modes[0], LIFETIME);
        Self { ends: [a, b], wire }
    }

    /// The SPIs of an SA each way, once there are some.
    fn established(&self) -> BTreeSet<u32> {
        self.rekeyed(&BTreeSet::new())
    }

    /// The same, once there are others.
    fn rekeyed(&self, old: &BTreeSet<u32>) -> BTreeSet<u32> {
        let mut sas = [BTreeSet::new(), BTreeSet::new()];
        eventually("there are new SAs", || {
            sas = self.ends.each_ref().map(End::sas);
            sas[0].len() == 2 && sas[0].is_disjoint(old) && sas[0] == sas[1]
        });
        let [sas, _] = sas;
        sas
    }

    /// Pings from the first host, whose policies are there.
    fn traffic(&self) -> Traffic {
        eventually("there are policies", || self.ends.iter().all(|end| end.policies() >= 3));
        let _ = self.wire.received();
        let pings = Pings::start(&self.ends[0].host, &format!("-i0.2 -I {A} {B}"));
        let cpu = self.ends.each_ref().map(|end| end.iked.cpu());
        Traffic { pings, cpu, begun: Instant::now() }
    }

    /// What iked leaves when it is ended, which is nothing.
    fn leave(mut self) {
        for end in &mut self.ends {
            end.iked.end();
            assert_eq!((end.sas().len(), end.policies()), (0, 0), "{}", end.iked.log());
        }
    }
}

impl Hosts<Daemon> {
    /// Ends the services by a signal, and starts others after a pause.
    fn another_service(&mut self, signal: Signal, pause: Duration) {
        for end in &mut self.ends {
            end.service.signal(signal);
            let _ = end.service.wait();
        }
        sleep(pause);
        for end in &mut self.ends {
            end.service = Daemon::start(&end.host);
        }
    }
}

impl<S> End<S> {
    /// The SPIs of its SAs.
    fn sas(&self) -> BTreeSet<u32> {
        static SPI: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"proto esp spi 0x([0-9a-f]+)").expect("a pattern"));
        let state = self.host.show("xfrm state");
        let spis = SPI.captures_iter(&state);
        let spis = spis.map(|spi| u32::from_str_radix(&spi[1], 16).expect("a number"));
        // That of an SA that is wanted.
        spis.filter(|spi| *spi != 0).collect()
    }

    /// How many policies it has, but for those of sockets.
    fn policies(&self) -> usize {
        self.host.show("xfrm policy").matches("\tdir ").count()
    }

    /// What XFRM has dropped, by the names of its counters.
    fn dropped(&self) -> BTreeMap<String, usize> {
        // Not /proc/net, which is another thread's.
        let read = || fs::read_to_string("/proc/thread-self/net/xfrm_stat").expect("counters");
        let counters = self.host.within(read);
        let counters = counters.lines().filter_map(|line| line.split_once(char::is_whitespace));
        let counters =
            counters.map(|(name, count)| (name, count.trim().parse().expect("a number")));
        counters
            .filter(|(_, count)| *count != 0)
            .map(|(name, count)| (name.into(), count))
            .collect()
    }
}

impl End<ServiceManager> {
    /// Restarts ipsecd by systemctl(1) with these words. iked is still its client.
    fn restart(&self, words: &str) {
        let main_pid = || self.service.systemctl("show -P MainPID ipsecd");
        let before = main_pid();
        let _ = self.service.systemctl(words);
        let is_executed = words.contains("USR2");
        eventually(words, || (main_pid() == before) == is_executed);
        let begun = Instant::now();
        loop {
            let clients = self.host.ipsecctl("show clients --json").stdout;
            if clients.contains("\"iked\"") && clients.contains("\"esp\"") {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{words}: {clients}\n{}", self.service.log());
            sleep(Duration::from_millis(200));
        }
    }
}

/// Pings under way.
struct Traffic {
    pings: Pings,
    /// The time that iked had taken before, on each host.
    cpu: [Duration; 2],
    begun: Instant,
}

impl Traffic {
    /// From the first answer on everything has come back, through this many rekeys.
    fn went_through<S>(self, hosts: &Hosts<S>, rekeys: usize) {
        self.was_idle(hosts);
        let answered = self.pings.answered();
        let lost = answered.windows(2).map(|two| two[1] - two[0] - 1).sum::<usize>();
        // The host that is asked for new SAs answers before it makes its larval SA mature, and then sends by its other one, while
        // the host that asks waits for the answer: a packet may come by an SA that is larval for another moment. It happens on
        // AF_KEY too, less often.
        let dropped = hosts.ends.each_ref().map(End::dropped);
        println!(
            "{} pings answered in {:?}, {lost} lost in {rekeys} rekeys; dropped: {dropped:?}",
            answered.len(),
            self.begun.elapsed(),
        );
        assert!(lost <= rekeys + 1);
        assert!(secret(&hosts.wire) >= 2 * answered.len());
    }

    /// However many have come back.
    fn was_secret<S>(self, hosts: &Hosts<S>) {
        self.was_idle(hosts);
        drop(self.pings);
        let _ = secret(&hosts.wire);
    }

    /// iked did not spin: less than 5 % of the time was its own, rekeys on a slow test kernel among it.
    fn was_idle<S>(&self, hosts: &Hosts<S>) {
        let elapsed = self.begun.elapsed();
        for (end, before) in hosts.ends.iter().zip(self.cpu) {
            let used = end.iked.cpu().saturating_sub(before);
            println!("iked took {used:?} of {elapsed:?}");
            assert!(elapsed < LIFETIME || used < elapsed / 20, "{}", end.iked.log());
        }
    }
}

/// How many packets there were, which were ESP but for IKE.
fn secret(wire: &Wire) -> usize {
    // tcpdump is a little behind.
    sleep(Duration::from_millis(300));
    let mut packets = wire.received();
    packets.retain(|packet| packet.protocols != [UDP]);
    let in_clear: Vec<_> = packets.iter().filter(|packet| packet.protocols != [ESP]).collect();
    assert!(in_clear.is_empty(), "{in_clear:?}");
    packets.len()
}
