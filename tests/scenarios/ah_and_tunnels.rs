//! AH and tunnels: what the BUGS of NetBSD's ipsec(4) say does not work, since its inbound check sees the inner packet only.

use scenarios::{
    Wire, linked_hosts,
    protocol::{AH, ESP, ICMP, IPIP},
};

use crate::{
    sites::{Sites, V4},
    story::Story,
};

const KEYS_AH: &str = r#"-A hmac-sha1 "twenty bytes of key!""#;
const KEYS_ESP: &str = r#"-E aes-cbc "sixteen byte key""#;

/// An AH tunnel, which the inbound policy requires.
#[test]
fn inbound_require_against_an_ah_tunnel() {
    let sites = Sites::new(&V4);
    let policies = |out: &str, back: &str| {
        format!(
            "spdadd 10.1.0.0/24 10.2.0.0/24 any -P {out} ipsec ah/tunnel/192.0.2.1-192.0.2.2/require;
            spdadd 10.2.0.0/24 10.1.0.0/24 any -P {back} ipsec ah/tunnel/192.0.2.2-192.0.2.1/require;"
        )
    };
    let packets = Story {
        ends: [
            (&sites.gateway_a, &policies("out", "in")),
            (&sites.gateway_b, &policies("in", "out")),
        ],
        sas: &format!(
            "add 192.0.2.1 192.0.2.2 ah 0x1001 -m tunnel {KEYS_AH};
            add 192.0.2.2 192.0.2.1 ah 0x1002 -m tunnel {KEYS_AH};"
        ),
        ping: (&sites.host_a, "10.2.0.2"),
        wire: &Wire::tap(&sites.gateway_a, "gateway-b"),
    }
    .print();
    for packet in packets {
        assert_eq!(packet.protocols, [AH, IPIP]);
    }
}

/// The manual's own example: an ESP tunnel if there is one, signed by AH in any case.
#[test]
fn an_optional_tunnel_inside_required_ah() {
    let [a, b] = linked_hosts();
    for (host, here, there) in [(&a, "192.0.2.1", "192.0.2.2"), (&b, "192.0.2.2", "192.0.2.1")] {
        let requests = |from: &str, to: &str| {
            format!("esp/tunnel/{from}-{to}/use ah/transport/{from}-{to}/require")
        };
        let (out, back) = (requests(here, there), requests(there, here));
        let outcome = host.setkey_text(&format!(
            "spdadd {here} {there} any -P out ipsec {out};
            spdadd {there} {here} any -P in ipsec {back};"
        ));
        assert_eq!((outcome.status, outcome.stdout + &outcome.stderr), (0, String::new()));
    }
    let wires = [Wire::leaving(&a, "b"), Wire::leaving(&b, "a")];
    let load = |script: String| [&a, &b].map(|host| host.load(&script));
    let seen = || {
        assert!(a.ping("192.0.2.2"));
        wires.each_ref().map(|wire| wire.packets(1).remove(0).protocols)
    };
    assert!(!a.ping("192.0.2.2"), "it passes without AH");

    load(format!(
        "add 192.0.2.1 192.0.2.2 ah 0x1001 {KEYS_AH};
        add 192.0.2.2 192.0.2.1 ah 0x1002 {KEYS_AH};"
    ));
    assert_eq!(seen(), [[AH, ICMP], [AH, ICMP]]);

    load(format!(
        "add 192.0.2.1 192.0.2.2 esp 0x2001 -m tunnel {KEYS_ESP};
        add 192.0.2.2 192.0.2.1 esp 0x2002 -m tunnel {KEYS_ESP};"
    ));
    assert_eq!(seen(), [[AH, ESP], [AH, ESP]]);

    load("delete 192.0.2.1 192.0.2.2 esp 0x2001; delete 192.0.2.2 192.0.2.1 esp 0x2002;".into());
    assert_eq!(seen(), [[AH, ICMP], [AH, ICMP]]);
    for dump in [&a, &b].map(|host| host.setkey("-DP").stdout) {
        assert!(dump.contains("\tout prio def ipsec\n\tesp/tunnel/192.0.2."), "{dump}");
    }
}
