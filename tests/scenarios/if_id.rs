//! SAs and policies of an xfrm interface (`-ifid`): what is routed to it passes them alone.

use scenarios::{Pair, has_xfrm_interfaces, protocol::ESP, report_skipped};

#[test]
fn a_ping_through_an_xfrm_interface() {
    if !has_xfrm_interfaces() {
        report_skipped("SAs of an xfrm interface: this kernel has no xfrm interfaces");
        return;
    }
    let pair = Pair::without_sas();
    for (host, here, to) in [(&pair.a, 1, "b"), (&pair.b, 2, "a")] {
        host.ip(&format!(
            "link add dev inside type xfrm dev {to} if_id 7
            link set dev inside up
            addr add 10.7.0.{here}/24 dev inside"
        ));
    }
    // Those of another interface are none for this one.
    load(&pair, "-ifid 8");
    assert!(!pair.a.ping("10.7.0.2"), "the ping passes SAs of another interface");
    assert_eq!(pair.packets(), []);
    load(&pair, "-ifid 7");
    assert!(pair.a.ping("10.7.0.2"), "the ping does not pass the SAs");

    let protocols: Vec<_> = pair.wire.packets(2).into_iter().map(|it| it.protocols).collect();
    assert_eq!(protocols, [[ESP]; 2]);
    assert_eq!(pair.packets(), []);
    let sad = pair.a.setkey("-D --script").stdout;
    assert_eq!(sad.matches("-ifid 7").count(), 2, "{sad}");
}

/// Tunnels between the hosts, in place of what was there, with this option in each statement.
fn load(pair: &Pair, option: &str) {
    let keys = r#"-E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;
    for (host, here, there) in [(&pair.a, 1, 2), (&pair.b, 2, 1)] {
        let policy = |direction, from, to| {
            format!(
                "spdadd 10.7.0.{from} 10.7.0.{to} any {option} -P {direction} ipsec
                    esp/tunnel/192.0.2.{from}-192.0.2.{to}/require;"
            )
        };
        let (outward, inward) = (policy("out", here, there), policy("in", there, here));
        host.load(&format!(
            "flush; spdflush;
            add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel {option} {keys};
            add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel {option} {keys};
            {outward} {inward}"
        ));
    }
}
