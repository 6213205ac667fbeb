//! What routes and devices decide on: what is explained is what happens to a packet that is sent.

use std::{collections::BTreeMap, path::Path, thread::sleep, time::Duration};

use scenarios::{Host, Outcome, Wire, linked_hosts, protocol};
use serde_json::Value;

use super::stories::{KEYS, explain};

/// The first host, 10.1.0.1 on its device `lan`, has a route to 10.2.0.0/24 by the second; each host has the other's
/// addresses of IPv6 by the link.
pub struct Network {
    pub a: Host,
    pub b: Host,
}

/// A packet, and who sends it.
pub struct Sent<'a> {
    pub from: &'a Host,
    pub src: &'a str,
    pub dst: &'a str,
    pub length: usize,
    pub df: bool,
    /// What its socket is bound to.
    pub device: Option<&'a str>,
}

impl Network {
    pub fn new() -> Self {
        let [a, b] = linked_hosts();
        for (host, to, own, other) in [(&a, "b", 1, 2), (&b, "a", 2, 1)] {
            host.ip(&format!(
                "addr add 2001:db8::{own}/64 dev {to} nodad
                link add lan type dummy
                link set lan up
                addr add 10.{own}.0.1/24 dev lan
                addr add 2001:db8:{own}::1/64 dev lan nodad
                route add 10.{other}.0.0/24 via 192.0.2.{other} src 10.{own}.0.1
                route add 2001:db8:{other}::/64 via 2001:db8::{other} src 2001:db8:{own}::1
                neigh add 10.{own}.0.9 lladdr 02:00:00:00:00:09 dev lan nud permanent
                neigh add 2001:db8:{own}::9 lladdr 02:00:00:00:00:09 dev lan nud permanent"
            ));
        }
        // Neighbours are known before there are policies.
        let network = Self { a, b };
        for dst in ["192.0.2.2", "2001:db8::2"] {
            Self::send(&network.by_a(dst));
        }
        network
    }

    /// With a tunnel from the first host to the second, for both nets.
    pub fn with_tunnel() -> Self {
        let network = Self::new();
        network.a.load(&format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel {KEYS};
            spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;"
        ));
        network
    }

    pub fn by_a<'a>(&'a self, dst: &'a str) -> Sent<'a> {
        let src = if dst.contains(':') { "::" } else { "0.0.0.0" };
        Sent { from: &self.a, src, dst, length: 100, df: false, device: None }
    }

    pub fn by_b<'a>(&'a self, dst: &'a str) -> Sent<'a> {
        Sent { from: &self.b, ..self.by_a(dst) }
    }

    /// The error of the socket, or nothing.
    pub fn send(sent: &Sent<'_>) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/explain/send.py");
        let mut python = sent.from.command("/usr/bin/python3");
        python.arg("-BIS").arg(script).args([sent.src, sent.dst, "5300", &sent.length.to_string()]);
        let device = sent.device.map(|name| format!("dev={name}"));
        Outcome::success(python.args(sent.df.then_some("df")).args(device)).trim().to_owned()
    }

    /// Explains a packet on the first host and has it sent: the verdict and the counters are the same.
    #[track_caller]
    pub fn same(&self, words: &str, sent: &Sent<'_>, by: &str, verdict: &str) -> (Value, String) {
        let (explanation, text) = explain(&self.a, words);
        assert_eq!(explanation["verdict"], verdict, "{text}");
        let wire = Wire::leaving(&self.a, by);
        let before = counters(&self.a);
        let error = Self::send(sent);
        sleep(Duration::from_millis(300));
        let after = counters(&self.a);
        let raised = |name: &str| after.get(name) > before.get(name);
        let packets = wire.received();
        let has = |number| packets.iter().any(|packet| packet.protocols[0] == number);
        let delivered = raised("UdpNoPorts") || raised("Udp6NoPorts");
        let seen = match () {
            () if has(protocol::ESP) => "protected",
            () if has(protocol::UDP) || delivered => "clear",
            () => "dropped",
        };
        assert_eq!(seen, verdict, "{error} {packets:?}\n{text}");
        let xfrm = after.keys().filter(|name| name.starts_with("Xfrm") && raised(name));
        let explained = explanation["counters"].as_array().cloned().unwrap_or_default();
        assert_eq!(
            xfrm.map(|name| Value::from(name.as_str())).collect::<Vec<_>>(),
            explained,
            "{text}"
        );
        (explanation, format!("{text}{error}"))
    }
}

/// Those of XFRM, and of datagrams that were delivered to no program.
pub fn counters(host: &Host) -> BTreeMap<String, u64> {
    let mut counters = scenarios::counters(host);
    counters.retain(|name, _| name.starts_with("Xfrm") || name.ends_with("NoPorts"));
    counters
}

fn shell(host: &Host, script: &str) {
    Outcome::success(host.command("sh").args(["-ec", script]));
}

pub const OUT: &str = "out 10.1.0.1 10.2.0.1:5300 udp";

/// What becomes of a packet without a route: sending fails, and no policy is looked up.
#[test]
fn without_a_route_nothing_leaves() {
    let network = Network::with_tunnel();
    let Network { a, .. } = &network;
    let to = network.by_a("10.2.0.1");
    network.same(OUT, &to, "b", "protected");
    for (action, reason, error) in
        [("prohibit", "prohibit route", "EACCES"), ("blackhole", "blackhole route", "EINVAL")]
    {
        // A rule compares the source that the socket is bound to.
        let to = Sent { src: "10.1.0.1", ..network.by_a("10.2.0.1") };
        a.ip(&format!("rule add from 10.1.0.0/24 pref 100 {action}"));
        let (explanation, text) = network.same(OUT, &to, "b", "dropped");
        assert_eq!(explanation["reason"], reason, "{text}");
        assert!(text.ends_with(error), "{text}");
        a.ip("rule del pref 100");
    }
    for (kind, reason, error) in [
        ("unreachable", "unreachable route", "EHOSTUNREACH"),
        ("prohibit", "prohibit route", "EACCES"),
        ("blackhole", "blackhole route", "EINVAL"),
    ] {
        a.ip(&format!(
            "route replace {kind} 10.2.0.0/24
            route replace {kind} 2001:db8:2::/64"
        ));
        let from = Sent { src: "10.1.0.1", ..network.by_a("10.2.0.1") };
        let (explanation, text) = network.same(OUT, &from, "b", "dropped");
        assert_eq!(explanation["reason"], reason, "{text}");
        assert!(text.ends_with(error) && text.contains("uses esp 0x1001"), "{text}");
        // One in clear as well.
        let clear = "out 2001:db8:1::1 [2001:db8:2::1]:5300 udp";
        let from = network.by_a("2001:db8:2::1");
        let (explanation, text) = network.same(clear, &from, "b", "dropped");
        assert_eq!(explanation["reason"], reason, "{text}");
        a.ip(&format!(
            "route del {kind} 10.2.0.0/24
            route del {kind} 2001:db8:2::/64"
        ));
    }
    let from = Sent { src: "10.1.0.1", ..network.by_a("10.2.0.1") };
    let (explanation, text) = network.same(OUT, &from, "b", "dropped");
    assert_eq!(explanation["reason"], "no route", "{text}");
    assert!(text.ends_with("ENETUNREACH"), "{text}");
}

#[test]
fn without_forwarding_nothing_goes_through() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.forward();
    for (src, dst, setting) in [
        ("10.2.0.1", "10.1.0.9", "ipv4/ip_forward"),
        ("2001:db8:2::1", "2001:db8:1::9", "ipv6/conf/all/forwarding"),
    ] {
        let words = format!("fwd {src} {dst} udp");
        network.same(&words, &network.by_b(dst), "lan", "clear");
        shell(a, &format!("echo 0 >/proc/sys/net/{setting}"));
        let (explanation, text) = network.same(&words, &network.by_b(dst), "lan", "dropped");
        assert_eq!(explanation["reason"], "no forwarding", "{text}");
    }
    // A packet is not for this host because that was said.
    a.forward();
    for (words, other) in [("in 10.2.0.1 10.1.0.9 udp", "fwd"), ("fwd 10.2.0.1 10.1.0.1 udp", "in")]
    {
        let (explanation, text) = explain(a, words);
        assert_eq!(explanation["verdict"], "unknown", "{text}");
        assert!(text.contains(&format!("ask about `{other}`")), "{text}");
    }
}

#[test]
fn the_source_is_compared_with_the_route_back() {
    let network = Network::new();
    let Network { a, b } = &network;
    a.forward();
    a.ip("link add other type dummy
        link set other up
        route replace 10.2.0.0/24 dev other");
    let filter = |value| {
        shell(a, &format!("echo {value} >/proc/sys/net/ipv4/conf/b/rp_filter"));
    };
    let words = "10.2.0.1 10.1.0.9 udp --dev b";
    let fwd = format!("fwd {words}");
    for (value, verdict) in [(0, "clear"), (1, "dropped"), (2, "clear")] {
        filter(value);
        let (explanation, text) = network.same(&fwd, &network.by_b("10.1.0.9"), "lan", verdict);
        assert!(text.contains("arrives at b\n"), "{text}");
        let expected = if value == 1 { "reverse path" } else { "" };
        assert_eq!(explanation["reason"].as_str().unwrap_or_default(), expected, "{text}");
        assert_eq!(
            text.contains("the route back to its source is by other\n"),
            value == 1,
            "{text}"
        );
    }
    filter(1);
    let local = "in 10.2.0.1 10.1.0.1:5300 udp --dev b";
    network.same(local, &network.by_b("10.1.0.1"), "lan", "dropped");
    // What comes out of a tunnel is not looked at, and its device is that of its route.
    let sa = format!("add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel {KEYS};");
    let policy = "10.2.0.0/24 10.1.0.0/24 any";
    let template = "ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;";
    b.load(&format!("{sa} spdadd {policy} -P out {template}"));
    a.load(&format!("{sa} spdadd {policy} -P in {template}"));
    let (explanation, text) =
        network.same(&format!("{fwd} --spi 0x1002"), &network.by_b("10.1.0.9"), "lan", "clear");
    assert_eq!(explanation["packet"]["device"], "lan", "{text}");
}

/// The packet that a tunnel makes needs a route of its own, without the mark of the one inside.
#[test]
fn a_tunnel_needs_a_route() {
    let sent_by = |sa: &str, template: &str, routes: &str, words: &str| {
        let network = Network::new();
        network.a.load(&format!(
            "add {sa} -m tunnel {KEYS};
            spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/{template}/require;"
        ));
        network.a.ip(routes);
        let from = network.by_a("10.2.0.1");
        let verdict = if words.is_empty() { "protected" } else { "dropped" };
        let (explanation, text) = network.same(OUT, &from, "b", verdict);
        assert_eq!(explanation["reason"].as_str().unwrap_or_default(), words, "{text}");
    };
    let (there, own) = ("192.0.2.1 192.0.2.2 esp 0x1001", "192.0.2.1-192.0.2.2");
    sent_by(there, own, "", "");
    sent_by(
        "192.0.2.1 203.0.113.1 esp 0x1001",
        "192.0.2.1-203.0.113.1",
        "",
        "no route to tunnel end",
    );
    sent_by("192.0.2.77 192.0.2.2 esp 0x1001", "192.0.2.77-192.0.2.2", "", "tunnel source");
    // The mark that the SA sets leads nowhere.
    let rules = "route add unreachable default table 100
        rule add pref 0 fwmark 9 table 100
        rule del pref 0 table local
        rule add pref 5 table local";
    sent_by(&format!("{there} -outmark 9/0xffffffff"), own, rules, "no route to tunnel end");
    sent_by(there, own, rules, "");
}

/// Of a packet to this host the device that has the address counts, of IPv6; of a forwarded one that where it arrives.
#[test]
fn disable_policy_is_of_the_right_device() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.forward();
    a.load(
        "spdadd ::/0 ::/0 udp -P in ipsec esp/transport//require;
        spdadd 0.0.0.0/0 0.0.0.0/0 udp -P in ipsec esp/transport//require;",
    );
    let set = |version: &str, device: &str, value| {
        let setting = format!("/proc/sys/net/{version}/conf/{device}/disable_policy");
        shell(a, &format!("echo {value} >{setting}"));
    };
    for (version, device, direction, src, dst, verdict) in [
        ("ipv6", "b", "in", "2001:db8:2::1", "2001:db8:1::1", "dropped"),
        ("ipv6", "lan", "in", "2001:db8:2::1", "2001:db8:1::1", "clear"),
        ("ipv6", "b", "fwd", "2001:db8:2::1", "2001:db8:1::9", "clear"),
        ("ipv6", "lan", "fwd", "2001:db8:2::1", "2001:db8:1::9", "dropped"),
        ("ipv4", "b", "in", "10.2.0.1", "10.1.0.1", "clear"),
        ("ipv4", "lan", "in", "10.2.0.1", "10.1.0.1", "dropped"),
    ] {
        set(version, device, 1);
        let words = format!("{direction} {src} {dst} udp --dev b");
        network.same(&words, &network.by_b(dst), "lan", verdict);
        set(version, device, 0);
    }
}

/// A socket of IPv6 sends IPv4 to such an address.
#[test]
fn addresses_of_ipv4_in_ipv6_are_those_of_ipv4() {
    let network = Network::with_tunnel();
    let to = Sent { src: "::ffff:10.1.0.1", ..network.by_a("::ffff:10.2.0.1") };
    network.same("out [::ffff:10.1.0.1]:40000 [::ffff:10.2.0.1]:5300 udp", &to, "b", "protected");
}

/// An address in the routing table of a VRF is this host's, and its socket is bound to that.
#[test]
fn addresses_of_a_vrf_are_of_this_host() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.ip("link add red type vrf table 10
        link set red up
        link set dev b master red
        link set dev lan master red
        addr replace 192.0.2.1/24 dev b
        route replace 10.2.0.0/24 via 192.0.2.2 src 10.1.0.1 vrf red");
    let bound = || Sent { src: "10.1.0.1", device: Some("red"), ..network.by_a("10.2.0.1") };
    Network::send(&bound());
    let (explanation, text) = network.same(OUT, &bound(), "b", "clear");
    assert!(!text.contains("no address of this host"), "{text}");
    assert!(text.contains("its source is an address of the VRF red"), "{text}");
    assert_eq!(explanation["route"]["device"], "b", "{text}");
    let received = "in 10.2.0.1 10.1.0.1:5300 udp";
    let (_, text) = network.same(received, &network.by_b("10.1.0.1"), "b", "clear");
    assert!(text.contains("arrives at b"), "{text}");
    // The end of a tunnel is there too.
    a.load(&format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel {KEYS};
        spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;"
    ));
    network.same(OUT, &bound(), "b", "protected");
    let (_, text) = explain(a, "out 10.1.0.77 10.2.0.1:5300 udp --dev red");
    assert!(text.contains("its source is no address of this host"), "{text}");
}
