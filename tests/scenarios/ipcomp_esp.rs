//! Two hosts compress by IPComp what they then encrypt by ESP.

use scenarios::protocol::ESP;

use crate::story;

#[test]
fn v4() {
    let sas = r#"
        add 192.0.2.1 192.0.2.2 ipcomp 0x2001 -m transport -C deflate;
        add 192.0.2.2 192.0.2.1 ipcomp 0x2002 -m transport -C deflate;
        add 192.0.2.1 192.0.2.2 esp 0x1001 -m transport
            -E aes-cbc "aes-cbc from a-b" -A hmac-sha1 "hmac-sha1 from a - b";
        add 192.0.2.2 192.0.2.1 esp 0x1002 -m transport
            -E aes-cbc "aes-cbc from b-a" -A hmac-sha1 "hmac-sha1 from b - a";
    "#;
    // 1000 equal bytes.
    let packets = story::of_two_hosts(policies, sas, "192.0.2.2 -s 1000 -p 2a");

    for packet in packets {
        assert_eq!(packet.protocols, [ESP]);
        assert!(packet.length < 200, "not compressed: {packet:?}");
    }
}

/// `use`, because a packet that compression does not make smaller travels without IPComp.
fn policies(here: &str, there: &str) -> String {
    format!(
        "
        spdadd {here} {there} any -P out ipsec ipcomp/transport//use esp/transport//require;
        spdadd {there} {here} any -P in ipsec ipcomp/transport//use esp/transport//require;
        "
    )
}
