//! Keys in the wrong place or the wrong spelling, in what the subcommands read: no message contains a part of them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../setkey/tests/spellings/mod.rs"]
mod spellings;
mod unprivileged;

use serde_json::json;
use spellings::{PLACES, SPELLINGS, assert_absent};
use unprivileged::run;

/// What reads scripts. None of them prints keys.
const OF_SCRIPTS: &[&str] = &[
    "ipsecctl check -",
    "ipsecctl check --json -",
    "ipsecctl check --format sarif -",
    "unshare --net --map-root-user ipsecctl diff -",
    "unshare --net --map-root-user ipsecctl diff --json -",
    "unshare --net --map-root-user ipsecctl apply --check -",
    "unshare --net --map-root-user ipsecctl doctor -",
    "unshare --net --map-root-user ipsecctl doctor --json -",
    "unshare --net --map-root-user ipsecctl diagnose --seconds 1 --peer /dev/stdin",
    "ipsecctl import -",
    "ipsecctl key-fingerprint",
    "ipsecctl explain out --from -",
];

/// What reads the entries of other commands. `import` prints keys, to standard output.
const OF_ENTRIES: &[&str] = &[
    "ipsecctl import - >/dev/null",
    "unshare --net --map-root-user ipsecctl diff -",
    "unshare --net --map-root-user ipsecctl apply --check -",
    "unshare --net --map-root-user ipsecctl diagnose --seconds 1 --peer /dev/stdin",
    "ipsecctl check -",
];

/// An SA as `ip xfrm state` prints it, with a key in the wrong place or spelling.
const OF_IP: &[&str] = &[
    "auth-trunc hmac(sha1) KEY 96",
    "auth-trunc hmac(sha1) 0xKEY 96",
    "auth-trunc KEY 96",
    "enc cbc(aes) 0x00 KEY",
    "enc KEY",
    "aead rfc4106(gcm(aes)) KEY",
];

fn assert_silent(line: &str, key: &str, input: &str) {
    let output = run(line, input);
    for stream in [output.stdout, output.stderr] {
        assert_absent(key, &format!("{line}\n{input}"), &String::from_utf8_lossy(&stream));
    }
}

#[test]
fn no_message_about_a_script_contains_a_part_of_a_key() {
    for (number, key) in SPELLINGS.iter().enumerate() {
        for (other, line) in OF_SCRIPTS.iter().enumerate() {
            let place = PLACES[(number + other) % PLACES.len()];
            assert_silent(line, key, &place.replace("KEY", key));
        }
    }
}

/// Documents with a key where the schema has one, and elsewhere.
fn documents(key: &str) -> Vec<String> {
    let sa = |member: &str, value| {
        let mut sa = json!({"src": "192.0.2.1", "dst": "192.0.2.2", "protocol": "esp", "spi": 4097, "mode": "transport",
            "replay_window": 0, "state": "mature", "packets": 1, "bytes": 2,
            "encryption": {"algorithm": "aes-cbc", "key_bits": 128, "icv_bits": 0, "key": key}});
        sa[member] = value;
        json!({"schema_version": 1, "sas": [sa]}).to_string()
    };
    let algorithm = json!({"algorithm": "aes-cbc", key: 7, "icv_bits": 0});
    let members = ["spi", "mode", "protocol", "state", "encryption", "src", "packets"];
    let misplaced = members.map(|member| sa(member, json!(key)));
    let whole = sa("reqid", json!(1));
    let cut = whole[..whole.len() - 4].to_owned();
    misplaced
        .into_iter()
        .chain([whole, cut, sa("encryption", algorithm), sa(key, json!(1))])
        .collect()
}

#[test]
fn no_message_about_an_entry_contains_a_part_of_a_key() {
    for (number, key) in SPELLINGS.iter().enumerate() {
        let of_ip = OF_IP.iter().map(|words| {
            let words = words.replace("KEY", key);
            format!("src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x1001 reqid 0 mode transport\n\treplay-window 0\n\t{words}\n\tsel src ::/0 dst ::/0\n")
        });
        let inputs: Vec<_> = documents(key).into_iter().chain(of_ip).collect();
        for (other, input) in inputs.iter().enumerate() {
            let line = OF_ENTRIES[(number + other) % OF_ENTRIES.len()];
            assert_silent(line, key, input);
        }
    }
}
