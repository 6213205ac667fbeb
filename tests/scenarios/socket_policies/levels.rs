//! Requests of all kinds: levels, modes, protocols.

use std::collections::BTreeSet;

use scenarios::{
    ESP_BOTH_DIRECTIONS, Pair, Wire,
    protocol::{AH, ESP, UDP},
};

use super::FAMILIES;

const UDP_V4: &str = "AF_INET SOCK_DGRAM 192.0.2.2 7";

/// Of the socket's IP version, when the socket gets its policy.
#[test]
fn default_is_what_the_hosts_variables_say() {
    let default = &["out ipsec esp/transport//default", "in ipsec esp/transport//default"];
    let variables = ["net.inet.ipsec.esp_trans_deflev", "net.inet6.ipsec6.esp_trans_deflev"];
    for ((family, _, address), variable) in FAMILIES.into_iter().zip(variables) {
        let hosts = Pair::without_sas();
        let udp = format!("{family} SOCK_DGRAM {address} 7");
        let server = hosts.serve(&[], &udp);
        hosts.a.set(&format!("{variable}=1"));
        assert!(hosts.ask(default, &udp));
        assert_eq!(hosts.passed(), [UDP].into(), "{family}: use");
        hosts.a.set(&format!("{variable}=2"));
        assert!(!hosts.ask(default, &udp));
        assert_eq!(hosts.passed(), BTreeSet::new(), "{family}: require");
        assert!(hosts.ask(&["out ipsec esp/transport//use"], &udp));
        assert_eq!(hosts.passed(), [UDP].into(), "{family}");
        drop(server);
        hosts.load_sas();
        let _server = hosts.serve(ESP_BOTH_DIRECTIONS, &udp);
        for level in [1, 2] {
            hosts.a.set(&format!("{variable}={level}"));
            assert!(hosts.ask(default, &udp));
            assert_eq!(hosts.passed(), [ESP].into(), "{family}: {level}");
        }
    }
}

#[test]
fn unique_means_one_sa_and_no_other() {
    let hosts = Pair::without_sas();
    hosts.load(
        r#"add 192.0.2.1 192.0.2.2 esp 0x1001 -u 7 -E aes-cbc "sixteen byte key";
        add 192.0.2.2 192.0.2.1 esp 0x1002 -E aes-cbc "sixteen byte key";"#,
    );
    let _server = hosts.serve(ESP_BOTH_DIRECTIONS, UDP_V4);
    assert!(hosts.ask(&["out ipsec esp/transport//unique:7"], UDP_V4));
    assert_eq!(hosts.passed(), [ESP].into());
    assert!(!hosts.ask(&["out ipsec esp/transport//unique:6"], UDP_V4));
    assert_eq!(hosts.passed(), BTreeSet::new());
}

#[test]
fn a_socket_has_tunnels_and_several_requests() {
    let hosts = Pair::without_sas();
    hosts.load(
        r#"add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel -E aes-cbc "sixteen byte key";
        add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel -E aes-cbc "sixteen byte key";
        add 2001:db8::1 2001:db8::2 esp 0x1003 -E aes-cbc "sixteen byte key";
        add 2001:db8::2 2001:db8::1 esp 0x1004 -E aes-cbc "sixteen byte key";
        add 2001:db8::1 2001:db8::2 ah 0x1005 -A hmac-sha1 "twenty bytes of key!";
        add 2001:db8::2 2001:db8::1 ah 0x1006 -A hmac-sha1 "twenty bytes of key!";"#,
    );
    let tunnels = |here, there| {
        [
            format!("out ipsec esp/tunnel/{here}-{there}/require"),
            format!("in ipsec esp/tunnel/{there}-{here}/require"),
        ]
    };
    let (a, b) = (tunnels("192.0.2.1", "192.0.2.2"), tunnels("192.0.2.2", "192.0.2.1"));
    let _server = hosts.serve(&b.each_ref().map(String::as_str), UDP_V4);
    // A decapsulated packet is captured a second time where it comes in, so each end is captured leaving.
    let ends = [Wire::leaving(&hosts.a, "b"), Wire::leaving(&hosts.b, "a")];
    assert!(hosts.ask(&a.each_ref().map(String::as_str), UDP_V4));
    for end in &ends {
        assert_eq!(end.packets(1)[0].protocols, [ESP]);
        assert!(end.received().is_empty());
    }

    hosts.forget();
    let bundle = &[
        "out ipsec esp/transport//require ah/transport//require",
        "in ipsec esp/transport//require ah/transport//require",
    ];
    let udp = "AF_INET6 SOCK_DGRAM 2001:db8::2 7";
    let _server = hosts.serve(bundle, udp);
    assert!(hosts.ask(bundle, udp));
    assert!(hosts.wire.packets(2).iter().all(|packet| packet.protocols == [AH, ESP]));
}
