//! The packet that SAs are undone of: whether it gets to them, and where it does not, because it is for another host or is refused.

use std::{fmt::Write as _, net::IpAddr, path::Path, thread::sleep, time::Duration};

use scenarios::{Host, Outcome, Wire, protocol};

use super::{
    routes::{Network, Sent, counters},
    stories::{KEYS, explain},
};

const UDP_OF_NAT_T: [u8; 8] = [0x11, 0x94, 0x11, 0x94, 0, 56, 0, 0];

fn shell(host: &Host, script: &str) -> String {
    Outcome::success(host.command("sh").args(["-ec", script]))
}

/// A packet in hexadecimal digits.
fn packet((src, dst): (&str, &str), protocol: u8, hops: u8) -> String {
    let [src, dst] = [src, dst].map(|text| text.parse::<IpAddr>().expect("an address"));
    let octets = |addr: IpAddr| match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    };
    let around = if protocol == protocol::UDP { &UDP_OF_NAT_T[..] } else { &[] };
    // An AH header of 12 bytes and 4 of its ICV; of ESP an SPI and a sequence number.
    let esp = [&[0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1][..], &[7; 40]].concat();
    let ah = [&[59, 2, 0, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1][..], &[7; 36]].concat();
    let payload = [around, if protocol == protocol::AH { &ah } else { &esp }].concat();
    let length = u8::try_from(payload.len()).expect("a few bytes");
    let mut bytes = match src {
        IpAddr::V4(_) => vec![0x45, 0, 0, 20 + length, 0, 1, 0, 0, hops, protocol, 0, 0],
        IpAddr::V6(_) => vec![0x60, 0, 0, 0, 0, length, protocol, hops],
    };
    bytes.extend([octets(src), octets(dst), payload].concat());
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text");
        text
    })
}

fn send(host: &Host, packet: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/explain/send_raw.py");
    let mut python = host.command("/usr/bin/python3");
    Outcome::success(python.arg("-BIS").arg(script).arg(packet));
}

/// Whether a datagram is delivered for which there is no program.
fn is_delivered(network: &Network, dst: &str) -> bool {
    let received = |host: &Host| {
        let counters = counters(host);
        ["UdpNoPorts", "Udp6NoPorts"].map(|name| counters.get(name).copied())
    };
    let before = received(&network.a);
    Network::send(&Sent { device: Some("a"), ..network.by_b(dst) });
    sleep(Duration::from_millis(300));
    received(&network.a) != before
}

/// The counters of drops that a packet raises which the other host sends.
fn raised(network: &Network, packet: &str) -> Vec<String> {
    let before = counters(&network.a);
    send(&network.b, packet);
    sleep(Duration::from_millis(300));
    let after = counters(&network.a).into_iter();
    let raised = after.filter(|(name, number)| before.get(name) != Some(number));
    raised.map(|(name, _)| name).filter(|name| name.starts_with("Xfrm")).collect()
}

/// Whether a packet that the other host sends leaves by the device `lan`.
fn is_forwarded(network: &Network, packet: &str) -> bool {
    let wire = Wire::leaving(&network.a, "lan");
    send(&network.b, packet);
    (0..5).any(|_| {
        sleep(Duration::from_millis(100));
        wire.received().iter().any(|it| it.protocols[0] == protocol::ESP)
    })
}

/// The explanation of a captured packet that is forwarded: the kernel forwards it, or drops it with these counters.
#[track_caller]
fn forwards(network: &Network, packet: &str, reason: &str) -> String {
    let Network { a, b } = network;
    let (explanation, text) = explain(a, &format!("fwd --dev b --from {packet}"));
    let (wire, before) = (Wire::leaving(a, "lan"), counters(a));
    send(b, packet);
    let is_clear = explanation["verdict"] == "clear";
    let is_sent = (0..if is_clear { 30 } else { 3 }).any(|_| {
        sleep(Duration::from_millis(100));
        wire.received().iter().any(|it| it.protocols[0] != protocol::ICMP)
    });
    let after = counters(a);
    assert_eq!(is_clear, is_sent, "{text}");
    assert_eq!(explanation["reason"].as_str().unwrap_or_default(), reason, "{text}");
    let raised = after.keys().filter(|name| after.get(*name) > before.get(*name));
    let raised = raised.filter(|name| name.starts_with("Xfrm")).collect::<Vec<_>>();
    let explained = explanation["counters"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        format!("{raised:?}"),
        format!("{explained:?}").replace("String(", "").replace(')', ""),
        "{text}"
    );
    assert!(text.contains("none of its headers is undone here"), "{text}");
    text
}

/// Protected packets between other hosts are forwarded, or dropped by the policies for them.
#[test]
fn what_is_for_another_host_is_forwarded_as_it_is() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.forward();
    for ends in [("10.2.0.1", "10.1.0.9"), ("2001:db8:2::1", "2001:db8:1::9")] {
        for protocol in [protocol::ESP, protocol::AH, protocol::IPCOMP, protocol::UDP] {
            let whole = packet(ends, protocol, 64);
            forwards(&network, &whole, "");
            let (explanation, text) = explain(a, &format!("in --dev b --from {whole}"));
            assert_eq!(explanation["verdict"], "unknown", "{text}");
            assert!(text.contains("which is forwarded"), "{text}");
            let (src, dst) = ends;
            a.load(&format!("spdadd {src} {dst} {protocol} -P fwd ipsec esp/transport//require;"));
            forwards(&network, &whole, "template mismatch");
            a.load("spdflush;");
        }
        forwards(&network, &packet(ends, protocol::ESP, 1), "hop limit");
    }
    shell(a, "sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0");
    let whole = packet(("10.2.0.1", "10.1.0.9"), protocol::ESP, 64);
    forwards(&network, &whole, "no forwarding");
    let (explanation, text) = explain(a, &format!("in --dev b --from {whole}"));
    assert_eq!(explanation["reason"], "outer packet elsewhere", "{text}");
    assert!(text.contains("give the host the address 10.1.0.9"), "{text}");
}

/// No SA of another host is undone, whether the packet is captured, or forwarded.
#[test]
fn an_sa_of_another_host_is_named() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.load(&format!(
        "add 10.2.0.1 10.1.0.9 esp 0x1005 -m tunnel {KEYS};
        spdadd 10.2.0.0/24 10.1.0.1 any -P in ipsec esp/tunnel/10.2.0.1-10.1.0.9/require;"
    ));
    let words = "in 10.2.0.1 10.1.0.1 udp --dev b --spi 0x1005";
    let esp = &packet(("10.2.0.1", "10.1.0.9"), protocol::ESP, 64).replace("deadbeef", "00001005");
    assert_eq!((raised(&network, esp), is_forwarded(&network, esp)), (Vec::new(), false));
    let (explanation, text) = explain(a, words);
    assert_eq!(explanation["reason"], "outer packet elsewhere", "{text}");
    assert!(text.contains("give the host the address 10.1.0.9"), "{text}");
    a.forward();
    assert_eq!((raised(&network, esp), is_forwarded(&network, esp)), (Vec::new(), true));
    let (explanation, text) = explain(a, words);
    assert_eq!(explanation["verdict"], "unknown", "{text}");
    assert!(text.contains("give the host the address 10.1.0.9"), "{text}");
    a.ip("addr add 10.1.0.9/32 dev lan");
    let (explanation, text) = explain(a, words);
    assert_eq!(explanation["verdict"], "protected", "{text}");
    // It has no such ICV: the SA is looked up.
    assert_eq!(raised(&network, esp), ["XfrmInStateProtoError"]);
}

/// The SA is looked up without its source, and that of the packet is compared with the route back.
#[test]
fn the_source_of_an_sa_is_not_that_of_its_packets() {
    let network = Network::new();
    let Network { a, b } = &network;
    let template = "ipsec esp/transport//require;";
    b.load(&format!(
        "add 192.0.2.2 192.0.2.1 esp 0x1001 {KEYS};
        spdadd 192.0.2.2 192.0.2.1 udp -P out {template}"
    ));
    shell(a, "sysctl -qw net.ipv4.conf.b.rp_filter=1");
    a.ip("addr add 198.51.100.1/24 dev lan");
    for src in ["0.0.0.0", "198.51.100.77"] {
        a.load(&format!(
            "flush; spdflush;
            add {src} 192.0.2.1 esp 0x1001 {KEYS};
            spdadd 192.0.2.2 192.0.2.1 udp -P in {template}"
        ));
        for device in ["", "--dev b"] {
            let words = format!("in 192.0.2.2 192.0.2.1:5300 udp {device} --spi 0x1001");
            let (explanation, text) = explain(a, &words);
            assert_eq!(explanation["verdict"], "protected", "{text}");
            assert!(is_delivered(&network, "192.0.2.1"));
        }
    }
    // In UDP as well.
    a.load(&format!(
        "flush; add 198.51.100.77 192.0.2.1 esp 0x1001 -encap espinudp 4500 4500 {KEYS};"
    ));
    let (_, text) = explain(a, "in 192.0.2.2 192.0.2.1:5300 udp --dev b --spi 0x1001");
    assert!(text.contains("in UDP    192.0.2.2 > 192.0.2.1 udp 4500 > 4500"), "{text}");
    // A tunnel has the source of the SA, and without one that is not known.
    a.load(&format!("flush; add 0.0.0.0 192.0.2.1 esp 0x1001 -m tunnel {KEYS};"));
    let (explanation, text) = explain(a, "in 10.2.0.1 192.0.2.1:5300 udp --dev b --spi 0x1001");
    assert_eq!(explanation["reason"], "tunnel without policy", "{text}");
}

/// ESP arrives at the device below, whichever of the two was given.
#[test]
fn a_vti_device_is_not_where_esp_arrives() {
    let network = Network::new();
    let Network { a, b } = &network;
    a.ip("link add own type vti key 5 local 192.0.2.1 remote 192.0.2.2
        link set own up
        route replace 10.2.0.0/24 dev own");
    let sa = "add 192.0.2.2 192.0.2.1 esp 0x1001 -m tunnel";
    let policy = |words: &str| {
        format!(
            "spdadd 10.2.0.0/24 10.1.0.0/24 any {words} ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;"
        )
    };
    let key = "-mark 5/0xffffffff";
    b.load(&format!("{sa} {KEYS}; {}", policy("-P out")));
    a.load(&format!("{sa} {key} {KEYS}; {}", policy(&format!("{key} -P in"))));
    shell(
        a,
        "sysctl -qw net.ipv4.conf.own.disable_policy=1 net.ipv4.conf.own.rp_filter=1 net.ipv4.conf.b.rp_filter=1",
    );
    for device in ["", "--dev b", "--dev own"] {
        let words = format!("in 10.2.0.1 10.1.0.1:5300 udp {device} --spi 0x1001");
        let (explanation, text) = explain(a, &words);
        assert_eq!(explanation["verdict"], "protected", "{text}");
    }
    assert!(is_delivered(&network, "10.1.0.1"));
    // The device below refuses it, and is the one that is named.
    a.ip("route add 192.0.2.2/32 dev lan");
    let (explanation, text) = explain(a, "in 10.2.0.1 10.1.0.1:5300 udp --dev b --spi 0x1001");
    assert_eq!(explanation["reason"], "reverse path", "{text}");
    assert!(text.contains("the packet that it arrives in is refused"), "{text}");
    let remedy = explanation["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("route 192.0.2.2 by b, "), "{text}");
    assert!(!is_delivered(&network, "10.1.0.1"));
    shell(a, "sysctl -qw net/ipv4/conf/b/rp_filter=0 net/ipv4/conf/all/rp_filter=0");
    let (explanation, text) = explain(a, "in 10.2.0.1 10.1.0.1:5300 udp --dev b --spi 0x1001");
    assert_eq!(explanation["verdict"], "protected", "{text}");
    assert!(is_delivered(&network, "10.1.0.1"));
}

/// Where the device is not given, none is guessed at which the packet would be refused.
#[test]
fn a_device_that_was_not_given_refuses_nothing() {
    let network = Network::new();
    let Network { a, b } = &network;
    let template = "ipsec esp/transport//require;";
    let tables = |direction: &str, ends: (&str, &str)| {
        let (src, dst) = ends;
        format!(
            "flush; spdflush; add {src} {dst} esp 0x1001 {KEYS};
            spdadd {src} {dst} udp -P {direction} {template}"
        )
    };
    let check = |ends: (&str, &str)| {
        b.load(&tables("out", ends));
        a.load(&tables("in", ends));
        // A neighbour on a link that has just got its address answers late.
        assert!((0..5).any(|_| is_delivered(&network, ends.1)));
        // The beginning of such a packet, without its ICV.
        let esp = packet(ends, protocol::ESP, 64).replace("deadbeef", "00001001");
        let esp = esp.split_at(esp.len() - 32).0;
        let (src, dst) = ends;
        let words = format!("in {src} [{dst}]:5300 udp").replace("[192.0.2.1]", "192.0.2.1");
        for words in [format!("{words} --from {esp}"), format!("{words} --spi 0x1001")] {
            // The addresses of a link are on others too.
            let (explanation, text) = explain(a, &words);
            assert_eq!(explanation["verdict"], "protected", "{words}\n{text}");
        }
    };
    a.ip("addr add fe80::1:1/64 dev b nodad");
    let mac = shell(a, "cat /sys/class/net/b/address");
    b.ip(&format!(
        "addr add fe80::1:2/64 dev a nodad
        neigh add fe80::1:1 lladdr {} dev a nud permanent",
        mac.trim()
    ));
    a.ip("route add fe80::/64 dev lan metric 1");
    check(("fe80::1:2", "fe80::1:1"));
    // The address is of a VRF, and other packets leave by another device.
    a.ip("link add red type vrf table 10
        link set red up
        link set dev b master red
        addr replace 192.0.2.1/24 dev b
        addr add 198.51.100.1/24 dev lan
        route add default via 198.51.100.2");
    shell(a, "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.udp_l3mdev_accept=1");
    check(("192.0.2.2", "192.0.2.1"));
    // Every device refuses it.
    b.ip("addr add 203.0.113.5/32 dev a");
    a.ip("route add blackhole 203.0.113.0/24 table 10
        route add blackhole 203.0.113.0/24");
    a.load(&tables("in", ("203.0.113.5", "192.0.2.1")));
    let (explanation, text) = explain(a, "in 203.0.113.5 192.0.2.1:5300 udp --spi 0x1001");
    assert_eq!(explanation["verdict"], "dropped", "{text}");
    let esp = packet(("203.0.113.5", "192.0.2.1"), protocol::ESP, 64);
    let esp = &esp.replace("deadbeef", "00001001");
    assert_eq!(raised(&network, esp), Vec::<String>::new());
    a.ip("route del blackhole 203.0.113.0/24 table 10
        route add 203.0.113.0/24 dev b table 10");
    assert_eq!(raised(&network, esp), ["XfrmInStateProtoError"]);
}

/// Where one device refuses it and another forwards it, the one that it arrives at decides.
#[test]
fn a_device_that_was_not_given_may_forward_it() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.forward();
    let esp = &packet(("10.2.0.1", "10.1.0.9"), protocol::ESP, 64);
    for (forwards, verdict) in [(0, "dropped"), (1, "unknown")] {
        shell(a, &format!("sysctl -qw net.ipv4.conf.b.forwarding={forwards}"));
        let (explanation, text) = explain(a, &format!("in --from {esp}"));
        assert_eq!(explanation["verdict"], "unknown", "{text}");
        assert!(text.contains("which is forwarded"), "{text}");
        let (explanation, text) = explain(a, &format!("in --dev b --from {esp}"));
        assert_eq!(explanation["verdict"], verdict, "{text}");
        assert_eq!(is_forwarded(&network, esp), verdict == "unknown", "{text}");
    }
}

/// What is to be done names the packet that is refused, whether the one inside is known or not.
#[test]
fn the_outer_packet_is_what_is_mended() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.forward();
    a.ip("route add blackhole 203.0.113.7");
    let esp = packet(("192.0.2.2", "203.0.113.7"), protocol::ESP, 64);
    for inner in ["", "10.2.0.1 10.1.0.1 udp"] {
        let (explanation, text) = explain(a, &format!("in {inner} --dev b --from {esp}"));
        assert_eq!(explanation["reason"], "blackhole route", "{text}");
        assert!(text.contains("the packet that it arrives in is refused"), "{text}");
        let remedy = explanation["remedy"].as_str().expect("a remedy");
        assert!(remedy.contains("match 203.0.113.7`"), "{text}");
        assert!(remedy.contains("give the host the address 203.0.113.7"), "{text}");
    }
}
