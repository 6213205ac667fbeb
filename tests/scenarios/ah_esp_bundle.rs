//! Two hosts encrypt by ESP and sign the result by AH: two requests in one policy.

use scenarios::{
    Host, Wire, link,
    protocol::{AH, ESP},
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
            add 192.0.2.1 192.0.2.2 esp 0x1001 -E 3des-cbc "des thrice, from a to b!";
            add 192.0.2.2 192.0.2.1 esp 0x1002 -E 3des-cbc "des thrice, from b to a!";
            add 192.0.2.1 192.0.2.2 ah 0x2001 -A hmac-md5 "hmac-md5 from ab";
            add 192.0.2.2 192.0.2.1 ah 0x2002 -A hmac-md5 "hmac-md5 from ba";
        "#,
        ping: (&a, "192.0.2.2"),
        wire: &wire,
    }
    .print();

    for packet in packets {
        assert_eq!(packet.protocols, [AH, ESP], "the first request is the innermost");
    }
}

fn policies(here: &str, there: &str) -> String {
    format!(
        "
        spdadd {here} {there} any -P out ipsec esp/transport//require ah/transport//require;
        spdadd {there} {here} any -P in ipsec esp/transport//require ah/transport//require;
        "
    )
}
