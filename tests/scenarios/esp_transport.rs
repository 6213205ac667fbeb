//! Two hosts protect what they say to each other by ESP in transport mode.

use scenarios::{Host, Wire, link, protocol::ESP};

use crate::story::{self, Story};

#[test]
fn v4() {
    let sas = r#"
        add 192.0.2.1 192.0.2.2 esp 0x1001 -m transport
            -E aes-cbc "aes-cbc from a-b" -A hmac-sha1 "hmac-sha1 from a - b";
        add 192.0.2.2 192.0.2.1 esp 0x1002 -m transport
            -E aes-cbc "aes-cbc from b-a" -A hmac-sha1 "hmac-sha1 from b - a";
    "#;
    let packets = story::of_two_hosts(policies, sas, "192.0.2.2");

    for packet in packets {
        assert_eq!((packet.version, &packet.protocols[..]), (4, &[ESP][..]));
    }
}

#[test]
fn v6() {
    let (a, b) = (Host::new("a"), Host::new("b"));
    link(&a, "2001:db8::1/64", &b, "2001:db8::2/64");
    let wire = Wire::tap(&a, "b");

    // Neighbour discovery stays outside, or the hosts would not find each other: the example of setkey(8).
    let discovery = "
        spdadd ::/0 ::/0 icmp6 135,0 -P out none;
        spdadd ::/0 ::/0 icmp6 135,0 -P in none;
        spdadd ::/0 ::/0 icmp6 136,0 -P out none;
        spdadd ::/0 ::/0 icmp6 136,0 -P in none;
    ";
    let packets = Story {
        ends: [
            (&a, &(discovery.to_owned() + &policies("2001:db8::1", "2001:db8::2"))),
            (&b, &(discovery.to_owned() + &policies("2001:db8::2", "2001:db8::1"))),
        ],
        sas: r#"
            add 2001:db8::1 2001:db8::2 esp 0x1001 -m transport
                -E 3des-cbc "des thrice, from a to b!" -A hmac-sha256 "hmac-sha256, from host a to b :)";
            add 2001:db8::2 2001:db8::1 esp 0x1002 -m transport
                -E 3des-cbc "des thrice, from b to a!" -A hmac-sha256 "hmac-sha256, from host b to a :)";
        "#,
        ping: (&a, "2001:db8::2"),
        wire: &wire,
    }
    .print();

    for packet in packets {
        assert_eq!((packet.version, &packet.protocols[..]), (6, &[ESP][..]));
    }
}

fn policies(here: &str, there: &str) -> String {
    format!(
        "
        spdadd {here} {there} any -P out ipsec esp/transport//require;
        spdadd {there} {here} any -P in ipsec esp/transport//require;
        "
    )
}
