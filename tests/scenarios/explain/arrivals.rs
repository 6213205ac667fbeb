//! Packets that come out of a vti device or an xfrm interface: the device decides on the SA and the policy.

use std::{collections::BTreeMap, thread::sleep, time::Duration};

use scenarios::{Outcome, has_xfrm_interfaces};
use serde_json::Value;

use super::{
    routes::{Network, counters},
    stories::{KEYS, explain},
};

const PACKET: &str = "in 10.2.0.1 10.1.0.1:5300 udp --spi 0x1001";
const TEMPLATE: &str = "esp/tunnel/192.0.2.2-192.0.2.1/require";

/// The second host protects what it sends to the first, whose device has the key or number 5.
fn network(kind: &str) -> Network {
    let network = Network::new();
    let sa = "add 192.0.2.2 192.0.2.1 esp 0x1001 -m tunnel";
    network.b.load(&format!(
        "{sa} {KEYS};
        spdadd 10.2.0.0/24 10.1.0.0/24 any -P out ipsec {TEMPLATE};"
    ));
    network.a.ip(&format!("link add own type {kind}"));
    network.a.ip("link set own up");
    network
}

/// The tables of the first host.
fn load(network: &Network, sa: &str, policy: &str) {
    let _ = network.a.setkey("-F");
    let _ = network.a.setkey("-FP");
    network.a.load(&format!(
        "add 192.0.2.2 192.0.2.1 esp 0x1001 -m tunnel {sa} {KEYS};
        spdadd 10.2.0.0/24 10.1.0.0/24 any {policy} -P in ipsec {TEMPLATE};"
    ));
}

#[track_caller]
fn agrees(network: &Network, passes: bool) -> (Value, String) {
    let (explanation, text) = explain(&network.a, PACKET);
    happens(network, "10.1.0.1", passes, &explanation, &text);
    (explanation, text)
}

/// The second host sends a packet: it is delivered, or the counters that are explained are raised.
#[track_caller]
fn happens(network: &Network, dst: &str, passes: bool, explanation: &Value, text: &str) {
    let before = counters(&network.a);
    let _ = Network::send(&network.by_b(dst));
    sleep(Duration::from_millis(300));
    let raised = raised(&before, &counters(&network.a));
    let is_delivered = raised.iter().any(|name| name.ends_with("NoPorts"));
    let xfrm = raised.into_iter().filter(|name| name.starts_with("Xfrm")).collect::<Vec<_>>();
    assert_eq!(is_delivered, passes, "{xfrm:?}\n{text}");
    assert_eq!(explanation["verdict"] == "protected", passes, "{text}");
    let explained = explanation["counters"].as_array().cloned().unwrap_or_default();
    assert_eq!(xfrm.into_iter().map(Value::from).collect::<Vec<_>>(), explained, "{text}");
}

fn raised(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> Vec<String> {
    let is_raised = |name: &&String| after.get(*name) > before.get(*name);
    after.keys().filter(is_raised).cloned().collect()
}

#[test]
fn a_vti_device_has_its_key() {
    let network = network("vti key 5 local 192.0.2.1 remote 192.0.2.2");
    let (key, other) = ("-mark 5/0xffffffff", "-mark 6/0xffffffff");
    load(&network, other, key);
    let (_, text) = agrees(&network, false);
    assert!(text.contains("the SA of its SPI has another mark"), "{text}");
    load(&network, key, other);
    let (explanation, text) = agrees(&network, false);
    assert_eq!(explanation["reason"], "tunnel without policy", "{text}");
    load(&network, key, key);
    let (_, text) = agrees(&network, true);
    assert!(text.contains("arrives at own"), "{text}");
    // What it has checked is checked again, without its key and its SAs.
    let all = "spdadd 10.2.0.0/24 10.1.0.0/24 any -P in ipsec";
    network.a.load(&format!("{all} {TEMPLATE};"));
    let (explanation, text) = agrees(&network, false);
    let remedy = explanation["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("net/ipv4/conf/own/disable_policy=1"), "{text}");
    let command = remedy.split('`').nth(1).expect("a command");
    Outcome::success(network.a.command("sh").args(["-c", command]));
    agrees(&network, true);
    // Without the device none of it is done.
    network.a.ip("link set own down");
    agrees(&network, false);
}

#[test]
fn an_xfrm_interface_has_its_number() {
    if !has_xfrm_interfaces() {
        return;
    }
    let network = network("xfrm dev b if_id 5");
    load(&network, "-ifid 5", "-ifid 6");
    let (explanation, text) = agrees(&network, false);
    assert_eq!(explanation["reason"], "tunnel without policy", "{text}");
    load(&network, "-ifid 5", "-ifid 5");
    let (explanation, text) = agrees(&network, true);
    assert_eq!(explanation["packet"]["if_id"], 5, "{text}");
    network.a.ip("link set own down");
    agrees(&network, false);
    // A policy without a number is for packets without a device.
    load(&network, "-ifid 5", "");
    agrees(&network, true);
}

/// A remedy has the templates of the SAs that the packet has come through.
#[test]
fn a_policy_is_made_of_the_sas() {
    let network = network("vti key 5 local 192.0.2.1 remote 192.0.2.3");
    network.a.load(&format!("add 192.0.2.2 192.0.2.1 esp 0x1001 -m tunnel {KEYS};"));
    let (explanation, _) = agrees(&network, false);
    let remedy = explanation["remedy"].as_str().expect("a remedy").to_owned();
    assert!(remedy.contains(TEMPLATE), "{remedy}");
    network.a.load(&remedy);
    agrees(&network, true);
}

/// Whether an SA takes packets of the other IP version is the kernel's own.
#[test]
fn the_ip_version_inside_may_be_that_of_the_sa() {
    let network = network("vti key 5 local 192.0.2.1 remote 192.0.2.3");
    let ends = "2001:db8:2::/64 2001:db8:1::/64";
    network.b.load(&format!("spdadd {ends} any -P out ipsec {TEMPLATE};"));
    // setkey(8) would give the SA the flag af-unspec.
    let state = "xfrm state add src 192.0.2.2 dst 192.0.2.1 proto esp spi 0x1001 mode tunnel";
    let enc = "enc cbc(aes) 0x7369787465656e2062797465206b6579";
    let auth = "auth hmac(sha1) 0x7477656e7479206279746573206f66206b657921";
    network.a.ip(&format!("{state} {enc} {auth}"));
    let tunnel = "src 192.0.2.2 dst 192.0.2.1 proto esp mode tunnel";
    network.a.ip(&format!(
        "xfrm policy add src 2001:db8:2::/64 dst 2001:db8:1::/64 dir in tmpl {tunnel}"
    ));
    let packet = "in 2001:db8:2::1 [2001:db8:1::1]:5300 udp --spi 0x1001";
    let (explanation, text) = explain(&network.a, packet);
    let passes = explanation["verdict"] == "protected";
    happens(&network, "2001:db8:1::1", passes, &explanation, &text);
    if !passes {
        assert_eq!(explanation["reason"], "SA selector", "{text}");
        network.a.ip("xfrm state flush");
        network.a.ip(&format!("{state} flag af-unspec {enc} {auth}"));
        let (explanation, text) = explain(&network.a, packet);
        happens(&network, "2001:db8:1::1", true, &explanation, &text);
    }
}

/// The SAs that a forwarded packet has come through are not for the packets that leave.
#[test]
fn a_policy_for_out_is_not_made_of_the_sas() {
    let network = network("vti key 5 local 192.0.2.1 remote 192.0.2.3");
    network.a.forward();
    load(&network, "", "");
    network.a.ip("xfrm policy setdefault out block");
    let (explanation, text) = explain(&network.a, "fwd 10.2.0.1 10.1.0.9 udp --spi 0x1001");
    assert_eq!(explanation["reason"], "kernel default discards", "{text}");
    let remedy = explanation["remedy"].as_str().expect("a remedy");
    assert!(remedy.starts_with("spdadd 10.2.0.1 10.1.0.9 any -P out none;"), "{remedy}");
}

/// Where a header names no SA, those between the same ends are shown.
#[test]
fn sas_of_the_same_ends_are_shown() {
    let network = network("vti key 5 local 192.0.2.1 remote 192.0.2.3");
    network.a.load(&format!(
        "add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel {KEYS};
        spdadd 10.2.0.0/24 10.1.0.0/24 any -P in ipsec {TEMPLATE};"
    ));
    let (_, text) = agrees(&network, false);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("no SA not esp 0x1002 192.0.2.2 > 192.0.2.1 tunnel: spi differs: 0x1002"),
        "{text}"
    );
    network.a.load(
        "add 192.0.2.2 192.0.2.1 esp 0x2001 -E null; add 192.0.2.2 192.0.2.1 ipcomp 0x21 -C deflate;",
    );
    let (_, text) = explain(&network.a, "in 192.0.2.2 192.0.2.1:5300 udp --spi 0x2001 --spi 0x22");
    assert!(text.contains("not ipcomp 0x21"), "{text}");
}

/// The device checks the protected packet too, as one in clear and without its key.
#[test]
fn a_vti_device_checks_the_protected_packet() {
    for (version, [a, b], nets) in [
        ("ipv4", ["192.0.2.1", "192.0.2.2"], ["10.1.0", "10.2.0"]),
        ("ipv6", ["2001:db8::1", "2001:db8::2"], ["2001:db8:1:", "2001:db8:2:"]),
    ] {
        let six = if version == "ipv6" { "6" } else { "" };
        let [[own, own_net], [other, other_net]] = nets.map(|net| match six {
            "" => [format!("{net}.1"), format!("{net}.0/24")],
            _ => [format!("{net}:1"), format!("{net}:/64")],
        });
        let network = Network::new();
        let template = format!("esp/tunnel/{b}-{a}/require");
        network.b.load(&format!(
            "add {b} {a} esp 0x1001 -m tunnel {KEYS};
            spdadd {other_net} {own_net} any -P out ipsec {template};"
        ));
        network.a.ip(&format!("link add own type vti{six} key 5 local {a} remote {b}"));
        network.a.ip("link set own up");
        let key = "-mark 5/0xffffffff";
        let load = |policies: &str| {
            let _ = network.a.setkey("-F");
            let _ = network.a.setkey("-FP");
            network.a.load(&format!("add {b} {a} esp 0x1001 -m tunnel {key} {KEYS}; {policies}"));
        };
        let packet = match six {
            "" => format!("in {other} {own}:5300 udp --spi 0x1001"),
            _ => format!("in {other} [{own}]:5300 udp --spi 0x1001"),
        };
        let agrees = |passes| {
            let (explanation, text) = explain(&network.a, &packet);
            happens(&network, &own, passes, &explanation, &text);
            (explanation, text)
        };
        let inner = format!("spdadd {other_net} {own_net} any {key} -P in ipsec {template};");
        load(&inner);
        let (explanation, text) = agrees(true);
        assert!(explanation["outer"].is_null() && !text.contains("outer "), "{text}");
        let around = format!("spdadd {b} {a} 50 -P in");
        for (action, reason) in
            [("discard", "policy discards"), ("ipsec esp/transport//require", "template mismatch")]
        {
            load(&format!("{inner} {around} {action};"));
            let (explanation, text) = agrees(false);
            assert_eq!(explanation["reason"], reason, "{text}");
            assert_eq!(explanation["outer"]["protocol"], 50, "{text}");
            assert!(text.contains("before its SAs are undone"), "{text}");
        }
        // What mends it is a policy for the protected packet.
        let (explanation, _) = explain(&network.a, &packet);
        let remedy = explanation["remedy"].as_str().expect("a remedy");
        let (statement, _) = remedy.split_once(" for the").expect("a statement");
        network.a.load(statement);
        agrees(true);
        // Where the packet arrives without policies, the device checks none, not even with its key.
        load(&format!("{around} discard;"));
        agrees(false);
        let set = format!("echo 1 >/proc/sys/net/{version}/conf/b/disable_policy");
        Outcome::success(network.a.command("sh").args(["-c", &set]));
        agrees(true);
    }
}
