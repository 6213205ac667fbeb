//! What the device decides on that a packet leaves by: its MTU, and policies that it looks up itself.

use std::fmt::Write as _;

use scenarios::has_xfrm_interfaces;

use super::{
    routes::{Network, OUT, Sent},
    stories::{KEYS, explain},
};

/// An UDP packet in hexadecimal digits.
fn captured(src: &str, dst: &str, length: u16, df: bool) -> String {
    let addr = |text: &str| text.parse::<std::net::Ipv4Addr>().expect("an address").octets();
    let mut bytes = vec![0x45, 0];
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 1, if df { 0x40 } else { 0 }, 0, 64, 17, 0, 0]);
    bytes.extend(addr(src).into_iter().chain(addr(dst)));
    bytes.extend([0x9c, 0x40, 0x14, 0xb4]);
    bytes.resize(length.into(), 0);
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text");
        text
    })
}

#[test]
fn what_is_too_long_is_dropped_if_it_must_be_whole() {
    let network = Network::with_tunnel();
    let Network { a, .. } = &network;
    for (length, df, verdict) in
        [(1438, true, "protected"), (1439, false, "protected"), (1439, true, "dropped")]
    {
        let own = captured("10.1.0.1", "10.2.0.1", length, df);
        let sent = Sent { src: "10.1.0.1", length: length.into(), df, ..network.by_a("10.2.0.1") };
        let (explanation, text) = network.same(&format!("out --from {own}"), &sent, "b", verdict);
        assert_eq!(text.ends_with("EMSGSIZE"), verdict == "dropped", "{text}");
        assert_eq!(text.contains("in fragments"), !df, "{text}");
        assert_eq!(explanation["wire"]["mtu"], 1438, "{text}");
    }
    // The packet has a route of its own, beside that of the tunnel.
    a.ip("route replace 10.2.0.0/24 via 192.0.2.2 src 10.1.0.1 mtu 1300");
    for (length, verdict) in [(1300, "protected"), (1301, "dropped")] {
        let own = captured("10.1.0.1", "10.2.0.1", length, true);
        let length = length.into();
        let sent = Sent { src: "10.1.0.1", length, df: true, ..network.by_a("10.2.0.1") };
        let (_, text) = network.same(&format!("out --from {own}"), &sent, "b", verdict);
        assert!(text.contains("1300 bytes, that of its own route"), "{text}");
    }
    a.ip("route replace 10.2.0.0/24 via 192.0.2.2 src 10.1.0.1");
    // The bit DF is not known.
    let (explanation, text) = explain(a, &format!("{OUT} --length 1439"));
    assert_eq!(explanation["verdict"], "unknown", "{text}");
    assert!(text.contains("longer than the 1438 bytes that fit"), "{text}");
    for (df, verdict) in [("yes", "dropped"), ("no", "protected")] {
        let given = explain(a, &format!("{OUT} --length 1439 --df {df}"));
        assert_eq!(given.0["verdict"], verdict, "{}", given.1);
    }
    assert_eq!(explain(a, &format!("{OUT} --length 1438")).0["verdict"], "protected");
    assert_eq!(explain(a, &format!("{OUT} --length 1439 --mtu 1516")).0["verdict"], "protected");
}

#[test]
fn what_is_too_long_is_not_forwarded_whole() {
    let network = Network::new();
    let Network { a, .. } = &network;
    a.forward();
    a.ip("link set lan mtu 1400");
    // The sender gets an error, and remembers it.
    for (df, verdict) in [(false, "clear"), (true, "dropped")] {
        let words = format!("fwd --from {}", captured("10.2.0.1", "10.1.0.9", 1480, df));
        let sent = Sent { length: 1480, df, ..network.by_b("10.1.0.9") };
        network.same(&words, &sent, "lan", verdict);
    }
    let dst = "2001:db8:1::9";
    let sent = Sent { length: 1480, ..network.by_b(dst) };
    let words = format!("fwd 2001:db8:2::1 {dst} udp --length 1480");
    let (explanation, text) = network.same(&words, &sent, "lan", "dropped");
    assert_eq!(explanation["reason"], "too long", "{text}");
}

/// Such a device looks policies up with its key, or its number, and lets nothing pass in clear.
#[test]
fn devices_look_policies_up_themselves() {
    let mut kinds = vec![("vti key 5 local 192.0.2.1 remote 192.0.2.2", "-mark 0x", "/0xffffffff")];
    if has_xfrm_interfaces() {
        kinds.push(("xfrm dev b if_id 5", "-ifid ", ""));
    }
    for (kind, word, mask) in kinds {
        let network = Network::new();
        let Network { a, .. } = &network;
        a.ip(&format!(
            "link add own type {kind}
            link set own up
            route replace 10.2.0.0/24 dev own src 10.1.0.1"
        ));
        let load = |number: u32, end: u8| {
            let own = format!("{word}{number}{mask}");
            let _ = a.setkey("-F");
            let _ = a.setkey("-FP");
            a.load(&format!(
                "add 192.0.2.1 192.0.2.{end} esp 0x1001 -m tunnel {own} {KEYS};
                spdadd 10.1.0.0/24 10.2.0.0/24 any {own} -P out ipsec
                    esp/tunnel/192.0.2.1-192.0.2.{end}/require;"
            ));
        };
        let check = |verdict, expected| {
            let (explanation, text) = network.same(OUT, &network.by_a("10.2.0.1"), "b", verdict);
            let reason = explanation["reason"].as_str();
            assert_eq!(reason, (verdict == "dropped").then_some(expected), "{text}");
        };
        load(5, 2);
        check("protected", "");
        load(6, 2);
        check("dropped", "interface without SA");
        if kind.starts_with("vti") {
            // An SA to another end than that of the device.
            a.ip("neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 dev b nud permanent");
            load(5, 3);
            check("dropped", "interface of other ends");
        }
    }
}

/// A device whose other end is in another network namespace looks policies up there.
#[test]
fn a_device_of_another_namespace_is_named() {
    let network = Network::new();
    let Network { a, b } = &network;
    a.ip(&format!(
        "link add own type vti key 5 local 192.0.2.1 remote 192.0.2.2
        link set own netns {}",
        b.namespace_file().display()
    ));
    b.ip("link set own up
        route replace 10.1.0.0/24 dev own");
    let (explanation, text) = explain(b, "out 10.2.0.1 10.1.0.1:5300 udp");
    assert_eq!(explanation["verdict"], "unknown", "{text}");
    assert!(text.contains("has its other end in another network namespace"), "{text}");
}
