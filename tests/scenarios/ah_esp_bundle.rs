//! Two hosts encrypt by ESP and sign the result by AH: two requests in one policy.

use scenarios::protocol::{AH, ESP};

use crate::story;

#[test]
fn v4() {
    let sas = r#"
        add 192.0.2.1 192.0.2.2 esp 0x1001 -E 3des-cbc "des thrice, from a to b!";
        add 192.0.2.2 192.0.2.1 esp 0x1002 -E 3des-cbc "des thrice, from b to a!";
        add 192.0.2.1 192.0.2.2 ah 0x2001 -A hmac-md5 "hmac-md5 from ab";
        add 192.0.2.2 192.0.2.1 ah 0x2002 -A hmac-md5 "hmac-md5 from ba";
    "#;
    let packets = story::of_two_hosts(policies, sas, "192.0.2.2");

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
