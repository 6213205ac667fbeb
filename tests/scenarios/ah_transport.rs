//! Two hosts sign what they say to each other by AH in transport mode.

use scenarios::{
    Host, Wire, link,
    protocol::{AH, ICMP},
};

use crate::story::Story;

#[test]
fn v4() {
    let (a, b) = (Host::new("a"), Host::new("b"));
    link(&a, "192.0.2.1/24", &b, "192.0.2.2/24");
    let wire = Wire::tap(&a, "b");

    let packets = Story {
        ends: [
            (&a, &policies("192.0.2.1", "192.0.2.2")),
            (&b, &policies("192.0.2.2", "192.0.2.1")),
        ],
        sas: r#"
            add 192.0.2.1 192.0.2.2 ah 0x1001 -A hmac-sha1 "hmac-sha1 from a - b";
            add 192.0.2.2 192.0.2.1 ah 0x1002 -A hmac-sha256 "hmac-sha256, from host b to a :)";
        "#,
        ping: (&a, "192.0.2.2"),
        wire: &wire,
    }
    .print();

    for packet in packets {
        assert_eq!(packet.protocols, [AH, ICMP], "AH signs and hides nothing");
    }
}

fn policies(here: &str, there: &str) -> String {
    format!(
        "
        spdadd {here} {there} any -P out ipsec ah/transport//require;
        spdadd {there} {here} any -P in ipsec ah/transport//require;
        "
    )
}
