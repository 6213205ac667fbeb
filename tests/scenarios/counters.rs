//! Each fault raises the counter whose meaning fits it: `ipsecctl counters`.

use std::time::Duration;

use scenarios::{Background, Host, ipsecctl, linked_hosts};
use serde_json::Value;

const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";

fn sa(spi: u32, key: &str) -> String {
    format!("add {HERE} {THERE} esp {spi} -E null -A hmac-sha1 \"{key}\";")
}

fn policy(direction: &str) -> String {
    format!("spdadd {HERE} {THERE} any -P {direction} ipsec esp/transport//require;")
}

/// The counters that have changed since the last call.
fn changes(host: &Host) -> Vec<String> {
    let file = std::env::temp_dir().join(host.name());
    let outcome = host.ipsecctl(&format!("counters --json --since {}", file.display()));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let rows = document["counters"].as_array().expect("a list").iter();
    let has_changed = |row: &&Value| row.get("change").unwrap_or(&row["packets"]) != 0;
    rows.filter(has_changed).map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn each_fault_has_its_counter() {
    let [a, b] = linked_hosts();
    let (key, other) = ("hmac-sha1 from a - b", "hmac-sha1 from x - y");
    assert!(a.ping(THERE));
    for host in [&a, &b] {
        assert!(changes(host).is_empty(), "nothing was dropped yet");
    }
    let faults = [
        ("no SA", policy("out"), String::new(), ("XfrmOutNoStates", true)),
        (
            "a policy that discards",
            format!("spdadd {HERE} {THERE} any -P out discard;"),
            String::new(),
            ("XfrmOutPolBlock", true),
        ),
        (
            "another SPI",
            policy("out") + &sa(0x1001, key),
            policy("in") + &sa(0x1002, key),
            ("XfrmInNoStates", false),
        ),
        (
            "another key",
            policy("out") + &sa(0x1001, key),
            policy("in") + &sa(0x1001, other),
            ("XfrmInStateProtoError", false),
        ),
        ("a peer in clear", String::new(), policy("in"), ("XfrmInTmplMismatch", false)),
    ];
    for (fault, here, there, (counter, is_here)) in faults {
        for (host, script) in [(&a, here), (&b, there)] {
            host.flush();
            host.load(&script);
        }
        assert!(!a.ping(THERE), "{fault}");
        let (with, without) = if is_here { (&a, &b) } else { (&b, &a) };
        assert_eq!(changes(with), [counter], "{fault}");
        assert!(changes(without).is_empty(), "{fault}");
        let text = with.ipsecctl("counters").stdout;
        assert!(text.contains(&format!("{counter} ")) && text.contains("remedy: "), "{text}");
    }
}

#[test]
fn what_changes_is_printed_while_it_does() {
    let [a, _b] = linked_hosts();
    a.load(&format!("spdadd {HERE} {THERE} any -P out discard;"));
    let mut watch = a.command(ipsecctl());
    let watched = Background::start(watch.args(["counters", "--watch", "1", "--json"]));
    // A packet may be dropped before the first values were read, or between two intervals.
    let line = (0..10).find_map(|_| {
        assert!(!a.ping(THERE));
        watched.lines.recv_timeout(Duration::from_secs(3)).ok()
    });
    let document = serde_json::from_str::<Value>(&line.expect("a line")).expect("JSON");
    let counter = &document["counters"][0];
    assert_eq!(counter["name"], "XfrmOutPolBlock");
    assert!(counter["change"].as_u64() >= Some(1), "{counter}");
}
