//! A whole key-management life. Two hosts with policies and no SAs each have a key management that knows nothing but PF_KEY
//! (`toy_ike`, `../src/bin/toy_ike`). The first packet makes it make SAs; when they come of age others take their place, twice,
//! under traffic. On the wire nothing is ever in clear, and once there are SAs nothing is lost.

use std::{collections::BTreeSet, sync::LazyLock, thread::sleep, time::Duration};

use regex::Regex;
use scenarios::{
    Background, Host, Pings, Wire, link,
    pfkey::RunningService,
    protocol::{ESP, ICMP, UDP},
    toy_ike,
};

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";

/// Of twenty pings a second, those that may be lost before there are SAs: far more than are.
const SOON: usize = 100;

/// Longer than until the next event.
const PATIENCE: Duration = Duration::from_secs(20);

/// To whom a key management speaks PF_KEY.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Service,
    AfKey,
}

#[test]
fn over_the_service() {
    a_whole_life([To::Service, To::Service]);
}

#[test]
fn over_af_key() {
    a_whole_life([To::AfKey, To::AfKey]);
}

#[test]
fn from_the_service_to_af_key() {
    a_whole_life([To::Service, To::AfKey]);
}

/// Where packets wait for SAs (`net.core.xfrm_larval_drop`), not even the first is lost.
#[test]
fn the_first_packet_waits() {
    let Hosts { a, b, .. } = Hosts::start([To::Service, To::Service]);
    a.host.within(|| std::fs::write("/proc/sys/net/core/xfrm_larval_drop", "0")).expect("root's");
    assert!(a.host.ping(&format!("{B} -I {A}")), "the only packet comes back");
    a.events("ACQUIRE");
    establish(&a, &b);
}

fn a_whole_life(backends: [To; 2]) {
    let Hosts { a, b, wire } = Hosts::start(backends);
    let pings = a.ping();

    a.events("ACQUIRE");
    let first = establish(&a, &b);
    assert_eq!([a.sas(), b.sas()], [first.all(), first.all()]);

    let second = replace(&a, &b, first);
    let third = replace(&a, &b, second);

    // The first has made the key management begin: XFRM drops what needs an SA that is not there yet. From the first answer
    // on, everything comes back.
    let answered = pings.answered();
    let begin = answered[0];
    assert!((2..=SOON).contains(&begin), "the first answer was to ping {begin}");
    assert_eq!(answered, (begin..).take(answered.len()).collect::<Vec<_>>());

    check_wire(&wire, &[first, second, third], answered.len());
}

/// The SPIs of an SA each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    to_a: u32,
    to_b: u32,
}

impl Pair {
    fn all(self) -> BTreeSet<u32> {
        BTreeSet::from([self.to_a, self.to_b])
    }
}

/// What both key managements do when `a` wants SAs.
fn establish(a: &End, b: &End) -> Pair {
    let [to_a, to_b] = [a, b].map(|end| end.events("GETSPI"));
    for (end, inbound, outbound) in [(a, to_a, to_b), (b, to_b, to_a)] {
        assert_eq!(end.events("UPDATE in"), inbound);
        assert_eq!(end.events("ADD out"), outbound);
    }
    Pair { to_a, to_b }
}

/// What they do when a pair comes of age. Of the old one nothing is left.
fn replace(a: &End, b: &End, old: Pair) -> Pair {
    assert_eq!(a.events("EXPIRE soft"), old.to_b);
    let new = establish(a, b);
    for (end, inbound, outbound) in [(a, old.to_a, old.to_b), (b, old.to_b, old.to_a)] {
        assert_eq!(end.events("DELETE out"), outbound);
        assert_eq!(end.events("DELETE in"), inbound);
    }
    assert_ne!(old, new);
    assert_eq!([a.sas(), b.sas()], [new.all(), new.all()]);
    new
}

/// Both ends, and an onlooker between them.
struct Hosts {
    a: End,
    b: End,
    wire: Wire,
}

impl Hosts {
    fn start([a, b]: [To; 2]) -> Self {
        let hosts = [Host::new("a"), Host::new("b")];
        link(&hosts[0], &format!("{A}/24"), &hosts[1], &format!("{B}/24"));
        let wire = Wire::tap(&hosts[0], "b");
        assert!(hosts[0].ping(B), "a ping passes in clear, and the onlooker sees it");
        assert!(wire.packets(2).iter().all(|packet| packet.protocols == [ICMP]));
        let [host_a, host_b] = hosts;
        Self { a: End::start(host_a, a, [A, B]), b: End::start(host_b, b, [B, A]), wire }
    }
}

/// A host with its key management.
struct End {
    key_management: Background,
    /// setkey's option for the way of the key management.
    backend: String,
    _service: Option<RunningService>,
    host: Host,
}

impl End {
    fn start(host: Host, to: To, [here, there]: [&str; 2]) -> Self {
        let service = (to == To::Service).then(|| RunningService::start(&host));
        let path = service.as_ref().map(RunningService::path);
        let backend =
            path.map_or("--pfkey=kernel".into(), |it| format!("--pfkey={}", it.display()));
        let mut toy_ike = host.command(toy_ike());
        let key_management = Background::start(toy_ike.args(["transport", here, there]).args(path));
        let end = Self { key_management, backend, _service: service, host };
        assert_eq!(end.next_line(), "REGISTER esp");

        // The key management's own packets pass as they are. It receives these policies and ignores them.
        end.host.load(&format!(
            "spdadd {here}[500] {there}[500] udp -P out none;
            spdadd {there}[500] {here}[500] udp -P in none;
            spdadd {here} {there} any -P out ipsec esp/transport//require;
            spdadd {there} {here} any -P in ipsec esp/transport//require;"
        ));
        end
    }

    /// The number of the next event, which is this one.
    fn events(&self, event: &str) -> u32 {
        let line = self.next_line();
        let number = line.strip_prefix(event).and_then(|rest| rest.strip_prefix(" 0x"));
        let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        number.unwrap_or_else(|| panic!("`{line}` where {event} was expected"))
    }

    fn next_line(&self) -> String {
        self.key_management
            .lines
            .recv_timeout(PATIENCE)
            .expect("the key management prints its events")
    }

    /// The SPIs of all SAs, dumped the way of the key management.
    fn sas(&self) -> BTreeSet<u32> {
        static SPI: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"spi=(\d+)\(").expect("a pattern"));
        let dump = self.host.setkey(&format!("{} -D", self.backend));
        assert_eq!((dump.status, dump.stderr.as_str()), (0, ""));
        let spis = SPI.captures_iter(&dump.stdout);
        spis.map(|spi| spi[1].parse().expect("a number")).collect()
    }

    /// Pings `b` from now on. Without `-I`, ping(8) would ask for a route first, and thereby for SAs.
    fn ping(&self) -> Pings {
        Pings::start(&self.host, &format!("-i0.05 -I {A} {B}"))
    }
}

/// What the onlooker has seen: the exchanges of the key managements, and ESP. In each direction the SAs of a pair were used
/// after those of the pair before, and never mixed.
fn check_wire(wire: &Wire, pairs: &[Pair], pings: usize) {
    // tcpdump is a little behind.
    sleep(Duration::from_millis(300));
    let mut packets = wire.received();
    packets.retain(|packet| packet.protocols != [UDP]);
    let in_clear: Vec<_> = packets.iter().filter(|packet| packet.protocols != [ESP]).collect();
    assert!(in_clear.is_empty(), "{in_clear:?}");
    let spis: Vec<u32> = packets.iter().filter_map(|packet| packet.spi).collect();
    assert!(spis.len() >= 2 * pings, "{} packets of {pings} pings", spis.len());
    for end in [|pair: &Pair| pair.to_a, |pair: &Pair| pair.to_b] {
        let expected: Vec<u32> = pairs.iter().map(end).collect();
        let mut used = spis.clone();
        used.retain(|spi| expected.contains(spi));
        used.dedup();
        assert_eq!(used, expected);
    }
}
