//! What passes, by action.

use std::{collections::BTreeSet, thread::sleep, time::Duration};

use scenarios::{
    ESP_BOTH_DIRECTIONS, Outcome, Pair, exec,
    protocol::{ESP, ICMP, ICMP6, TCP, UDP},
};

use super::{BYPASS, FAMILIES};

#[test]
fn with_sas_there_is_only_esp_and_without_nothing() {
    for (family, _, address) in FAMILIES {
        let hosts = Pair::without_sas();
        let tcp = format!("{family} SOCK_STREAM {address}");
        let _server = hosts.serve(ESP_BOTH_DIRECTIONS, &format!("{tcp} 7"));
        let _other_server = hosts.serve(&[], &format!("{tcp} 8"));
        assert!(!hosts.ask(ESP_BOTH_DIRECTIONS, &format!("{tcp} 7")));
        assert_eq!(hosts.passed(), BTreeSet::new(), "{family}");
        // Other programs of the same hosts.
        assert!(hosts.ask(&[], &format!("{tcp} 8")));
        assert_eq!(hosts.passed(), [TCP].into(), "{family}");
        // A client in clear, which the server does not receive.
        assert!(!hosts.ask(&[], &format!("{tcp} 7")));
        hosts.forget();
        hosts.load_sas();
        assert!(hosts.ask(ESP_BOTH_DIRECTIONS, &format!("{tcp} 7")));
        assert_eq!(hosts.passed(), [ESP].into(), "{family}");
        assert!(hosts.ask(&[], &format!("{tcp} 8")));
        assert_eq!(hosts.passed(), [TCP].into(), "{family}");
    }
}

/// Once a connection is closed, the kernel answers for it without a socket, and so without its
/// policies. It has nothing of the program's to say.
#[test]
fn the_last_acknowledgement_is_left_to_the_spd() {
    let hosts = Pair::new();
    let tcp = "AF_INET SOCK_STREAM 192.0.2.2 7";
    let _server = hosts.serve(ESP_BOTH_DIRECTIONS, &format!("{tcp} late"));
    let after_close = || {
        assert!(hosts.ask(ESP_BOTH_DIRECTIONS, &format!("{tcp} abrupt")));
        sleep(Duration::from_secs(1));
        let received = hosts.wire.received();
        received.iter().filter(|packet| packet.protocols != [ESP]).map(|it| it.length).collect()
    };
    let in_clear: Vec<usize> = after_close();
    // IPv4, TCP and its timestamps.
    assert!(!in_clear.is_empty() && in_clear.iter().all(|length| *length == 52), "{in_clear:?}");
    hosts.a.load("spdadd 192.0.2.1 192.0.2.2 tcp -P out ipsec esp/transport//require;");
    // Those of the first connection, which the other end has not taken in clear.
    hosts.forget();
    assert_eq!(after_close(), Vec::<usize>::new());
}

#[test]
fn datagrams_of_connected_and_other_sockets() {
    let hosts = Pair::new();
    for (family, _, address) in FAMILIES {
        let udp = format!("{family} SOCK_DGRAM {address} 7");
        let _server = hosts.serve(ESP_BOTH_DIRECTIONS, &udp);
        for option in ["", "unconnected"] {
            assert!(
                hosts.ask(ESP_BOTH_DIRECTIONS, &format!("{udp} {option}")),
                "{family} {option}"
            );
            assert_eq!(hosts.passed(), [ESP].into(), "{family} {option}");
        }
        assert!(!hosts.ask(&[], &udp));
        assert_eq!(hosts.passed(), [UDP].into());
    }
}

/// As NetBSD's tests of `ping -E` and `-P` have it: the other host answers in clear.
#[test]
fn a_ping_is_protected_in_one_direction_or_both() {
    let hosts = Pair::new();
    for (address, icmp) in [("192.0.2.2", ICMP), ("2001:db8::2", ICMP6)] {
        let ping = |policies: &[&str]| {
            let mut ping = exec(&hosts.a, policies, &["ping", "-nqc1", "-W1", address]);
            Outcome::of(&mut ping).status == 0
        };
        assert!(ping(&["out ipsec esp/transport//require"]));
        assert_eq!(hosts.passed(), [ESP, icmp].into());
        assert!(!ping(ESP_BOTH_DIRECTIONS));
        assert_eq!(hosts.passed(), [ESP, icmp].into());
    }
    // The same with a raw socket, whatever ping(8) takes.
    let raw = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\n\
        s.settimeout(2); s.sendto(bytes.fromhex('0800f7fe00010000'), ('192.0.2.2', 0))\n\
        assert s.recv(99)[20:28].hex() == '0000fffe00010000'";
    let python = |policies: &[&str]| {
        Outcome::of(&mut exec(&hosts.a, policies, &["/usr/bin/python3", "-c", raw])).status
    };
    assert_eq!(python(&["out ipsec esp/transport//require"]), 0);
    assert_eq!(hosts.passed(), [ESP, ICMP].into());
    assert_eq!(python(ESP_BOTH_DIRECTIONS), 1);
}

#[test]
fn bypass_passes_what_the_spd_discards() {
    for (family, here, there) in FAMILIES {
        let hosts = Pair::new();
        let tcp = format!("{family} SOCK_STREAM {there} 7");
        let _server = hosts.serve(&[], &tcp);
        hosts.a.load(&format!(
            "spdadd {here} {there} tcp -P out discard; spdadd {there} {here} tcp -P in discard;"
        ));
        assert!(!hosts.ask(&[], &tcp));
        assert_eq!(hosts.passed(), BTreeSet::new());
        assert!(hosts.ask(BYPASS, &tcp));
        assert_eq!(hosts.passed(), [TCP].into());
        // `none` is the same, as with AF_KEY.
        assert!(hosts.ask(&["out none", "in none"], &tcp));
        assert!(!hosts.ask(&["out bypass"], &tcp));
    }
}

#[test]
fn discard_stops_what_the_spd_lets_pass() {
    let hosts = Pair::new();
    for (family, _, there) in FAMILIES {
        let udp = format!("{family} SOCK_DGRAM {there} 7");
        let _server = hosts.serve(&[], &udp);
        assert!(hosts.ask(&["in bypass"], &udp));
        assert_eq!(hosts.passed(), [UDP].into());
        assert!(!hosts.ask(&["out discard"], &udp));
        assert_eq!(hosts.passed(), BTreeSet::new());
        assert!(!hosts.ask(&["in discard"], &udp));
        assert_eq!(hosts.passed(), [UDP].into());
    }
}
