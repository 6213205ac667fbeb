//! `ipsecctl move`: a gateway gets another address, and its SAs go on.

use scenarios::{Host, Wire, linked_hosts, running};

use super::manual;

const KEYS: &str = "-m tunnel -r 32 -E aes-gcm-16 \"sixteen byte keysalt\"";

/// Two gateways with the networks 10.1.0.0/16 and 10.2.0.0/16.
fn gateways() -> [Host; 2] {
    let [a, b] = linked_hosts();
    a.ip("addr add 192.0.2.11/24 dev b\naddr add 10.1.0.1/16 dev lo\nroute add 10.2.0.0/16 via 192.0.2.2 src 10.1.0.1");
    b.ip("addr add 10.2.0.1/16 dev lo\nroute add 10.1.0.0/16 via 192.0.2.1");
    for host in [&a, &b] {
        host.load(&format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 {KEYS};
            add 192.0.2.2 192.0.2.1 esp 0x1002 {KEYS};"
        ));
    }
    policies(&a, &b, "spdadd", "192.0.2.1");
    [a, b]
}

/// The policies of both, of which `a` has this address.
fn policies(a: &Host, b: &Host, command: &str, address: &str) {
    for (host, out, inward) in [(a, "out", "in"), (b, "in", "out")] {
        host.load(&format!(
            "{command} 10.1.0.0/16 10.2.0.0/16 any -P {out} ipsec esp/tunnel/{address}-192.0.2.2/require;
            {command} 10.2.0.0/16 10.1.0.0/16 any -P {inward} ipsec esp/tunnel/192.0.2.2-{address}/require;"
        ));
    }
}

/// Whether the kernel has `XFRM_MSG_MIGRATE_STATE`.
fn is_recent() -> bool {
    running() >= (7, 2)
}

#[test]
fn an_older_kernel_is_named() {
    let host = Host::new("older");
    host.load(&format!("add 192.0.2.1 192.0.2.2 esp 0x1001 {KEYS};"));
    let outcome = host.ipsecctl("move 0x1001 --src 192.0.2.11");
    if is_recent() {
        assert_eq!((outcome.status, &*outcome.stderr), (0, ""));
        assert_eq!(outcome.stdout, "esp 0x1001: 192.0.2.1 192.0.2.2 -> 192.0.2.11 192.0.2.2\n");
        return;
    }
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert_eq!(
        outcome.stderr,
        "ipsecctl: this kernel moves no SA: Linux 7.2 does (XFRM_MSG_MIGRATE_STATE)\n"
    );
    assert!(host.show("xfrm state").contains("src 192.0.2.1 dst 192.0.2.2"));
}

#[test]
fn sequence_numbers_and_windows_go_on() {
    if !is_recent() {
        println!("skipped: XFRM_MSG_MIGRATE_STATE, which this kernel does not have");
        return;
    }
    let [a, b] = gateways();
    let wire = Wire::leaving(&a, "b");
    assert!(a.ping("-c 5 -i 0.01 -I 10.1.0.1 10.2.0.1"));
    let before = wire.packets(5);
    for host in [&a, &b] {
        for example in manual::examples("ipsecctl move") {
            let outcome = host.ipsecctl(&example.replace("ipsecctl ", ""));
            assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{outcome:?}");
        }
    }
    policies(&a, &b, "spdupdate", "192.0.2.11");
    a.ip("addr del 192.0.2.1/24 dev b\naddr replace 192.0.2.11/24 dev b\nroute replace 10.2.0.0/16 via 192.0.2.2 src 10.1.0.1");
    b.ip("route replace 10.1.0.0/16 via 192.0.2.11");
    assert!(a.ping("-c 5 -i 0.01 -I 10.1.0.1 10.2.0.1"));
    let after = wire.packets(5);
    let numbers: Vec<_> = before.iter().chain(&after).map(|packet| packet.sequence).collect();
    assert_eq!(numbers, (1..=10).map(Some).collect::<Vec<_>>());
    // What was received before is not accepted again.
    super::saved::send_again(&a, &before);
    for host in [&a, &b] {
        let sas = host.show("-s xfrm state");
        assert!(sas.contains("src 192.0.2.11 dst 192.0.2.2"), "{sas}");
        assert!(sas.contains("src 192.0.2.2 dst 192.0.2.11"), "{sas}");
        assert_eq!(sas.matches("(bytes), 10(packets)").count(), 2, "{sas}");
    }
    let replayed = b.show("-s xfrm state");
    assert!(replayed.contains("replay 5 failed 0"), "{replayed}");
}

/// Two hosts without a tunnel: one gets another address, and the policies of the new one are there before.
#[test]
fn an_sa_in_transport_mode() {
    if !is_recent() {
        println!("skipped: XFRM_MSG_MIGRATE_STATE, which this kernel does not have");
        return;
    }
    let [a, b] = linked_hosts();
    a.ip("addr add 192.0.2.11/24 dev b");
    let keys = "-r 64 -esn -E aes-gcm-16 \"sixteen byte keysalt\"";
    for (host, out, inward) in [(&a, "out", "in"), (&b, "in", "out")] {
        host.load(&format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 {keys};
            add 192.0.2.2 192.0.2.1 esp 0x1002 {keys};"
        ));
        for own in ["192.0.2.1", "192.0.2.11"] {
            host.load(&format!(
                "spdadd {own} 192.0.2.2 any -P {out} ipsec esp/transport//require;
                spdadd 192.0.2.2 {own} any -P {inward} ipsec esp/transport//require;"
            ));
        }
    }
    let wire = Wire::leaving(&a, "b");
    assert!(a.ping("-c 5 -i 0.01 -I 192.0.2.1 192.0.2.2"));
    for host in [&a, &b] {
        for words in ["move 0x1001 --src 192.0.2.11", "move 0x1002 --dst 192.0.2.11"] {
            let outcome = host.ipsecctl(words);
            assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{outcome:?}");
        }
    }
    assert!(a.ping("-c 5 -i 0.01 -I 192.0.2.11 192.0.2.2"));
    assert!(!a.ping("-c 1 -W 1 -I 192.0.2.1 192.0.2.2"), "it is no SA of the old address");
    let sequences: Vec<_> = wire.received().iter().filter_map(|packet| packet.sequence).collect();
    assert_eq!(sequences, (1..=10).collect::<Vec<_>>());
    for host in [&a, &b] {
        let sas = host.show("-s xfrm state");
        assert!(sas.contains("src 192.0.2.11 dst 192.0.2.2"), "{sas}");
        assert_eq!(sas.matches("(bytes), 10(packets)").count(), 2, "{sas}");
    }
}

#[test]
fn what_cannot_be_moved_stays() {
    if !is_recent() {
        println!("skipped: XFRM_MSG_MIGRATE_STATE, which this kernel does not have");
        return;
    }
    let host = Host::new("staying");
    host.load(&format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 {KEYS};
        add 192.0.2.1 192.0.2.3 esp 0x1001 {KEYS};
        add 192.0.2.1 192.0.2.2 ah 0x1002 -A hmac-sha1 \"twenty bytes of key!\";"
    ));
    let before = host.show("xfrm state");
    for (words, reason) in [
        ("move 0x1003 --src 192.0.2.11", "there is no such SA"),
        ("move 0x1001 --src 192.0.2.11", "2 SAs have this SPI"),
        ("move 0x1001 --old-dst 192.0.2.3 --dst 192.0.2.2", "is there"),
        ("move 0x1002 --src 2001:db8::1", "different address families"),
        ("move 0x1002 --encap 4500:4500", ""),
    ] {
        let outcome = host.ipsecctl(words);
        assert_eq!(outcome.status, 2, "{words}: {outcome:?}");
        assert!(outcome.stderr.contains(reason), "{words}: {outcome:?}");
        assert_eq!(host.show("xfrm state"), before, "{words}");
    }
    let outcome =
        host.ipsecctl("move 0x1001 --old-dst 192.0.2.3 --dst 192.0.2.4 --encap 4500:4501 --json");
    assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{outcome:?}");
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(document["moved"]["before"]["dst"], "192.0.2.3");
    assert_eq!(document["moved"]["after"]["dst"], "192.0.2.4");
    assert_eq!(document["moved"]["after"]["nat_t"]["dst_port"], 4501, "{document}");
    assert_eq!(host.ipsecctl("move 0x1001 --old-dst 192.0.2.4 --encap none").status, 0);
    assert!(!host.show("xfrm state").contains("encap"));
}
