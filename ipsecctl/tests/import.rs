//! `ipsecctl import`, which needs no privilege.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;
mod unprivileged;

use std::{fs, os::unix::fs::PermissionsExt};

use namespace::texts;
use serde_json::{Value, json};

const STATE: &str = include_str!("../../crates/iproute2/tests/recorded/state");
const POLICY: &str = include_str!("../../crates/iproute2/tests/recorded/policy");

/// Exit status, standard output and error.
fn run(line: &str, input: &str) -> (i32, String, String) {
    texts(unprivileged::run(line, input))
}

#[test]
fn the_examples_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    // An SA that has sent packets in a counter mode would be a comment.
    let new = STATE.replace("oseq 0x7", "oseq 0x0");
    for (line, input) in manual::examples("ip -s xfrm").into_iter().zip([&new[..], POLICY]) {
        let (_, command) = line.split_once("| ").unwrap();
        let command = command.replace("/etc", &directory.path().display().to_string());
        let (status, out, error) = run(&command, input);
        assert_eq!((status, out.as_str(), error.as_str()), (0, "", ""), "{command}");
    }
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    let sas = read("ipsec.sas");
    assert_eq!(sas.lines().count(), 3, "{sas}");
    assert!(
        sas.contains("-tfc 1400") && sas.contains("-sel 10.1.0.0/16 10.2.0.0/16[80] tcp dev lo")
    );
    let mode = fs::metadata(directory.path().join("ipsec.sas")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let policies = read("ipsec.policies");
    assert!(
        policies.ends_with("spdadd ::/0 ::/0 any -nofwd -P in prio number:7 discard;\n"),
        "{policies}"
    );
}

/// What has sent packets in a counter mode is added with its sequence numbers, or not at all.
#[test]
fn nonces_are_not_used_twice() {
    let (status, out, error) = run("ipsecctl import -", STATE);
    assert_eq!(status, 2);
    assert!(out.contains("# add 192.0.2.1 192.0.2.2 esp 0x1001 "), "{out}");
    assert_eq!(error, "ipsecctl: 1 entry is a comment of the script: it is not added again\n");
    let (status, out, _) = run("ipsecctl import --counters -", STATE);
    assert_eq!(status, 0);
    assert!(out.contains("-oseq 7"), "{out}");
}

/// `ip xfrm` prints nothing of empty tables.
#[test]
fn empty_tables_are_an_empty_script() {
    for text in ["", "\n"] {
        assert_eq!(run("ipsecctl import -", text), (0, String::new(), String::new()));
    }
}

#[test]
fn json_has_what_the_script_has() {
    let directory = tempfile::tempdir().unwrap();
    let line = format!("ipsecctl import --json -o '{}/script' -", directory.path().display());
    let socket = "src 0.0.0.0/0 dst 0.0.0.0/0 uid 0\n\tsocket in action allow index 3 priority 0\n";
    let (status, out, _) = run(&line, &format!("{STATE}{socket}"));
    assert_eq!(status, 2);
    let document: Value = serde_json::from_str(&out).unwrap();
    let omitted =
        json!([{"entry": "esp SA 0x1001 to 192.0.2.2", "reason": "no statement adds it"}]);
    let notes = json!(["policies of sockets are left out: 1"]);
    let expected = json!({"sas": 2, "policies": 0, "omitted": omitted, "notes": notes});
    assert_eq!(document["imported"], expected);
}

#[test]
fn a_mistake_is_named_with_its_place_and_nothing_is_printed() {
    let (status, out, error) = run("ipsecctl import -", &POLICY.replace("level use", "level used"));
    assert_eq!((status, out.as_str()), (1, ""));
    let place = "<stdin>:28:9: expected a level: required or use, not `used`";
    assert_eq!(error, format!("ipsecctl: {place}\n"));
    let (status, _, error) = run("ipsecctl import -", "add 192.0.2.1 192.0.2.2 esp 1 -E null;");
    assert_eq!(status, 1);
    assert_eq!(error, "ipsecctl: <stdin> has neither JSON nor what `ip xfrm` prints\n");
    let (status, _, error) = run("(echo src; yes) | ipsecctl import -", "");
    assert_eq!(status, 1);
    assert!(error.contains("has neither JSON"), "{error}");
    let (status, _, error) = run("(printf 'src '; yes) | ipsecctl import -", "");
    assert_eq!(
        (status, error.as_str()),
        (1, "ipsecctl: cannot read <stdin>: it has more than 64 MiB\n")
    );
}

#[test]
fn what_was_not_printed_is_reported() {
    let short = include_str!("../../crates/iproute2/tests/recorded/state-short");
    let (status, _, error) = run("ipsecctl import --counters -", short);
    assert_eq!(status, 0);
    let what = "limits, extra flags, masks and shares are not in it";
    assert_eq!(error, format!("ipsecctl: <stdin> was printed without -s: {what}\n"));
    let socket = "src 0.0.0.0/0 dst 0.0.0.0/0 uid 0\n\tsocket in action allow index 3 priority 0\n";
    let (status, out, error) = run("ipsecctl import -", socket);
    assert_eq!((status, out.as_str()), (0, ""));
    assert_eq!(error, "ipsecctl: policies of sockets are left out: 1\n");
}
