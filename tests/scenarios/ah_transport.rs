//! Two hosts sign what they say to each other by AH in transport mode.

use scenarios::protocol::{AH, ICMP};

use crate::story;

#[test]
fn v4() {
    let sas = r#"
        add 192.0.2.1 192.0.2.2 ah 0x1001 -A hmac-sha1 "hmac-sha1 from a - b";
        add 192.0.2.2 192.0.2.1 ah 0x1002 -A hmac-sha256 "hmac-sha256, from host b to a :)";
    "#;
    let packets = story::of_two_hosts(policies, sas, "192.0.2.2");

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
