//! The packet that a tunnel makes, and the one that it is taken out of, have routes of their own.

use std::{thread::sleep, time::Duration};

use scenarios::{Host, Outcome, Wire, eventually, protocol};

use super::{
    routes::{Network, OUT, Sent, counters},
    stories::{KEYS, explain},
};

fn shell(host: &Host, script: &str) -> String {
    Outcome::success(host.command("sh").args(["-ec", script]))
}

/// Whether a packet is received: the counter of datagrams that no program gets has changed, or another.
fn is_received(host: &Host, sent: &Sent<'_>) -> bool {
    let before = counters(host);
    Network::send(sent);
    sleep(Duration::from_millis(300));
    counters(host) != before
}

/// Its verdict, with the reason of a drop and what is named.
#[track_caller]
fn agrees(network: &Network, sent: &Sent<'_>, by: &str, reason: &str, named: &[&str]) {
    let verdict = if reason.is_empty() { "protected" } else { "dropped" };
    let (explanation, text) = network.same(OUT, sent, by, verdict);
    assert_eq!(explanation["reason"].as_str().unwrap_or_default(), reason, "{text}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in named {
        assert!(flat.contains(part), "{part}\n{text}");
    }
}

#[test]
fn the_device_and_the_router_of_a_tunnel_are_named() {
    let network = Network::with_tunnel();
    let Network { a, .. } = &network;
    let sent = network.by_a("10.2.0.1");
    agrees(&network, &sent, "b", "", &[]);
    a.ip("link add up2 type dummy
        link set up2 up
        addr add 198.51.100.1/24 dev up2
        neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev up2 nud permanent
        route add default via 198.51.100.2 table 100
        rule add pref 9 from 192.0.2.1 table 100");
    agrees(&network, &sent, "up2", "", &["leaves by up2 to 198.51.100.2"]);
    let (explanation, _) = explain(a, OUT);
    assert_eq!(explanation["wire"]["device"], "up2", "{explanation}");
    assert_eq!(explanation["wire"]["gateway"], "198.51.100.2", "{explanation}");
}

/// An entry that has failed does not decide on the next packet: the kernel asks again.
#[test]
fn a_next_hop_that_did_not_answer_is_named() {
    let network = Network::with_tunnel();
    let Network { a, b } = &network;
    shell(a, "sysctl -qw net.ipv4.neigh.b.mcast_solicit=1 net.ipv4.neigh.b.retrans_time_ms=100");
    let sent = network.by_a("10.2.0.1");
    a.ip("route add 192.0.2.2/32 via 192.0.2.254 dev b");
    let fails = || {
        Network::send(&sent);
        shell(
            a,
            "for i in $(seq 50); do ip neigh show 192.0.2.254 | grep -q FAILED && exit; sleep 0.1; done; exit 1",
        );
        let (explanation, text) = explain(a, OUT);
        assert_eq!(explanation["verdict"], "unknown", "{text}");
        assert!(text.contains("FAILED"), "{text}");
        let remedy = explanation["remedy"].as_str().expect("a remedy");
        assert!(remedy.contains("the router 192.0.2.254 is up and reached by b"), "{text}");
    };
    let leaves = || {
        let wire = Wire::leaving(a, "b");
        Network::send(&sent);
        sleep(Duration::from_millis(500));
        wire.received().iter().any(|packet| packet.protocols[0] == protocol::ESP)
    };
    fails();
    assert!(!leaves());
    fails();
    // It is back, and the entry is the same.
    b.ip("addr add 192.0.2.254/24 dev a");
    assert!(leaves());
    assert_eq!(explain(a, OUT).0["verdict"], "protected");
}

#[test]
fn a_tunnel_to_an_address_of_this_host_does_not_leave() {
    let network = Network::with_tunnel();
    network.a.ip("addr add 192.0.2.2/32 dev lo");
    let named = ["ip address show to 192.0.2.2"];
    agrees(&network, &network.by_a("10.2.0.1"), "b", "tunnel to itself", &named);
}

#[test]
fn a_vti_device_whose_tunnel_leads_into_it_is_a_loop() {
    let network = Network::new();
    network.a.ip("link add own type vti key 5 local 192.0.2.1 remote 192.0.2.2
        link set own up
        route replace 10.2.0.0/24 dev own src 10.1.0.1");
    network.a.load(&format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel {KEYS};
        spdadd 10.1.0.0/24 10.2.0.0/24 any -mark 5/0xffffffff -P out ipsec
            esp/tunnel/192.0.2.1-192.0.2.2/require;"
    ));
    let sent = network.by_a("10.2.0.1");
    agrees(&network, &sent, "b", "", &["leaves by b"]);
    network.a.ip("route add 192.0.2.2/32 dev own src 192.0.2.1");
    agrees(&network, &sent, "b", "interface loop", &["ip route add 192.0.2.2 via ROUTER"]);
}

/// The routing table is not asked with the protocol of ESP, and newer kernels route by it.
#[test]
fn a_rule_for_esp_is_named() {
    let network = Network::with_tunnel();
    network.a.ip("route add unreachable default table 100
        rule add pref 90 ipproto esp table 100");
    let (explanation, text) = explain(&network.a, OUT);
    assert_eq!(explanation["verdict"], "unknown", "{text}");
    assert!(text.contains("rule 90"), "{text}");
    network.a.ip("rule del pref 90 ipproto esp table 100
        rule add pref 90 ipproto ah table 100");
    agrees(&network, &network.by_a("10.2.0.1"), "b", "", &[]);
}

/// What comes by a device may have rules of its own.
#[test]
fn a_rule_for_a_device_that_leads_to_a_blackhole_is_named() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.forward();
    let sent = network.by_b("10.1.0.9");
    let words = "fwd 10.2.0.1 10.1.0.9:5300 udp --dev b";
    network.same(words, &sent, "lan", "clear");
    a.ip("route add blackhole 10.1.0.0/24 table 100
        rule add pref 9 iif b table 100");
    let (explanation, text) = network.same(words, &sent, "lan", "dropped");
    assert_eq!(explanation["reason"], "blackhole route", "{text}");
}

/// `rp_filter` looks at the source of ESP, the loose one too.
#[test]
fn the_source_of_esp_is_compared_with_the_route_back() {
    let network = Network::new();
    let Network { a, b } = &network;
    let sa = |src: &str| format!("add {src} 192.0.2.1 esp 0x1001 -m tunnel {KEYS};");
    let policy = |src: &str, direction: &str| {
        format!(
            "spdadd 10.2.0.0/24 10.1.0.0/24 any -P {direction} ipsec esp/tunnel/{src}-192.0.2.1/require;"
        )
    };
    b.ip("addr add 203.0.113.5/32 dev a");
    b.load(&(sa("203.0.113.5") + &policy("203.0.113.5", "out")));
    a.load(&(sa("203.0.113.5") + &policy("203.0.113.5", "in")));
    let sent = network.by_b("10.1.0.1");
    let words = "in 10.2.0.1 10.1.0.1:5300 udp --dev b --spi 0x1001";
    let is_received = || is_received(a, &sent);
    assert_eq!(explain(a, words).0["verdict"], "protected");
    assert!(is_received());
    for filter in [1, 2] {
        shell(a, &format!("sysctl -qw net.ipv4.conf.b.rp_filter={filter}"));
        let (explanation, text) = explain(a, words);
        assert_eq!(explanation["reason"], "reverse path", "{text}");
        assert!(text.contains("outer     203.0.113.5 > 192.0.2.1"), "{text}");
        assert!(!is_received());
    }
    a.ip("route add 203.0.113.5/32 dev b");
    let (explanation, text) = explain(a, words);
    assert_eq!(explanation["verdict"], "protected", "{text}");
    assert!(is_received());
}

/// A packet of IPv6 through a tunnel has no least length.
#[test]
fn forwarded_packets_of_ipv6_may_be_too_long_below_1280_bytes() {
    for (src, dst) in [("198.51.100.1", "198.51.100.2"), ("2001:db8:9::1", "2001:db8:9::2")] {
        let network = Network::new();
        let Network { a, b } = &network;
        a.forward();
        a.ip("link add up2 type dummy
            link set up2 mtu 1300 up
            addr add 198.51.100.1/24 dev up2
            addr add 2001:db8:9::1/64 dev up2 nodad
            neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev up2 nud permanent
            neigh add 2001:db8:9::2 lladdr 02:00:00:00:00:02 dev up2 nud permanent
            route add 2001:db8:3::/64 via 2001:db8:9::2");
        b.ip("route add 2001:db8:3::/64 via 2001:db8::1 src 2001:db8:2::1");
        a.load(&format!(
            "add {src} {dst} esp 0x1001 -m tunnel {KEYS};
            spdadd 2001:db8:2::/64 2001:db8:3::/64 any -P out ipsec esp/tunnel/{src}-{dst}/require;"
        ));
        let (_, text) = explain(a, "fwd 2001:db8:2::1 2001:db8:3::9 udp --dev b --length 1280");
        assert!(text.contains("too long for the link"), "{text}");
        let longest = text.split_once("mtu       ").expect("a limit").1;
        let longest: usize =
            longest.split_once(' ').expect("a number").0.parse().expect("a number");
        for (length, verdict) in [(longest, "protected"), (longest + 1, "dropped")] {
            let words = format!("fwd 2001:db8:2::1 2001:db8:3::9 udp --dev b --length {length}");
            let sent = Sent { length, ..network.by_b("2001:db8:3::9") };
            network.same(&words, &sent, "up2", verdict);
        }
    }
}

/// A device without a carrier keeps its routes.
#[test]
fn a_device_without_a_carrier_sends_nothing() {
    let network = Network::with_tunnel();
    let Network { a, b } = &network;
    let sent = network.by_a("10.2.0.1");
    agrees(&network, &sent, "b", "", &[]);
    b.ip("link set dev a down");
    // Until then the kernel gives the device packets, which drops them.
    eventually("its queue is gone", || !shell(a, "ip -o link show b").contains("state UP"));
    agrees(&network, &sent, "b", "no carrier", &["ip -d link show b"]);
}

/// Of a packet of IPv6 the device counts that its tunnel of IPv4 arrives at.
#[test]
fn where_ipv6_is_off_none_comes_out_of_a_tunnel_of_ipv4() {
    let network = Network::new();
    let Network { a, b } = &network;
    let sa = format!("add 192.0.2.2 192.0.2.1 esp 0x1001 -m tunnel {KEYS};");
    let policy = |direction: &str| {
        format!(
            "spdadd 2001:db8:2::/64 2001:db8:1::/64 any -P {direction} ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;"
        )
    };
    b.load(&(sa.clone() + &policy("out")));
    a.load(&(sa + &policy("in")));
    let sent = network.by_b("2001:db8:1::1");
    let is_received = || is_received(a, &sent);
    let words = "in 2001:db8:2::1 [2001:db8:1::1]:5300 udp --dev b --spi 0x1001";
    let (explanation, text) = explain(a, words);
    assert_eq!(explanation["verdict"], "protected", "{text}");
    assert!(is_received());
    shell(a, "sysctl -qw net.ipv6.conf.b.disable_ipv6=1");
    let (explanation, text) = explain(a, words);
    assert_eq!(explanation["reason"], "no IPv6", "{text}");
    assert!(text.contains("net/ipv6/conf/b/disable_ipv6=0"), "{text}");
    assert!(!is_received());
}

/// The header of IP that comes out of BEET has the addresses of the selector of its SA.
#[test]
fn what_comes_out_of_beet_has_the_addresses_of_the_selector() {
    for (selector, verdict) in [("", "dropped"), ("-sel 10.2.0.1 10.1.0.1 any", "protected")] {
        let network = Network::new();
        let Network { a, b } = &network;
        let sa = |selector: &str| {
            format!("add 192.0.2.2 192.0.2.1 esp 0x1001 -m beet {selector} {KEYS};")
        };
        let policy = |direction: &str| {
            format!(
                "spdadd 10.2.0.1 10.1.0.1 any -P {direction} ipsec esp/beet/192.0.2.2-192.0.2.1/require;"
            )
        };
        b.load(&(sa("-sel 10.2.0.1 10.1.0.1 any") + &policy("out")));
        a.load(&(sa(selector) + &policy("in")));
        let sent = network.by_b("10.1.0.1");
        let before = counters(a);
        Network::send(&sent);
        sleep(Duration::from_millis(300));
        let after = counters(a);
        let words = "in 10.2.0.1 10.1.0.1:5300 udp --dev b --spi 0x1001";
        let (explanation, text) = explain(a, words);
        assert_eq!(explanation["verdict"], verdict, "{text}");
        // The kernel counts the drop where it notices it, by the length and by its routes.
        let is_delivered = after.get("UdpNoPorts") > before.get("UdpNoPorts");
        assert_eq!(is_delivered, verdict == "protected", "{text}");
        let named = if verdict == "dropped" { "no selector" } else { "10.2.0.1 > 10.1.0.1" };
        assert!(text.contains(named), "{text}");
    }
}

/// Packets wait for their SA, whether key management listens or not.
#[test]
fn packets_that_wait_for_their_sa_are_not_counted() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.load(
        "spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;",
    );
    let sent = network.by_a("10.2.0.1");
    let (_, text) = network.same(OUT, &sent, "b", "dropped");
    assert!(!text.contains("larval_drop"), "{text}");
    assert!(text.contains("XfrmOutNoStates"), "{text}");
    shell(a, "sysctl -qw net.core.xfrm_larval_drop=0");
    let (explanation, text) = network.same(OUT, &sent, "b", "dropped");
    assert_eq!(explanation["reason"], "no SA", "{text}");
    assert!(text.contains("xfrm_larval_drop is 0"), "{text}");
    assert!(text.contains("no XFRM counter"), "{text}");
}
