//! `ipsecctl apply` on this host's kernel, in network namespaces without SAs and policies.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use namespace::{run_with_file, texts};
use serde_json::{Value, json};

const SCRIPT: &str =
    "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out prio high ipsec esp/transport//require;
spdadd 10.2.0.0/16 10.1.0.0/16 any -P in ipsec esp/transport//require;
";

/// Runs a command line in a network namespace of its own, in which `$1` is a file with this text: exit status, standard
/// output, standard error.
fn run(line: &str, text: &str) -> (i32, String, String) {
    texts(run_with_file(line, text))
}

/// The member `applied` of what a command line prints, and its exit status.
fn applied(line: &str, text: &str) -> (i32, Value) {
    let (status, out, error) = run(line, text);
    let document: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out} {error}"));
    (status, document["applied"].clone())
}

#[test]
fn the_examples_of_the_manual() {
    for line in manual::examples("ipsecctl apply") {
        let line = line.replace("/etc/ipsec.conf", "\"$1\"").replace("30s", "1s");
        let (line, filter) = line.split_once(" | ").unwrap_or((&line, ""));
        let (status, out, error) = run(line, SCRIPT);
        match (line, filter) {
            (_, "jq .applied") => {
                let document: Value = serde_json::from_str(&out).unwrap();
                let expected = json!({"in_force": "all", "added": 3, "changed": 0, "deleted": 0});
                assert_eq!((status, &document["applied"]), (0, &expected), "{error}");
                assert_eq!(document["changes"].as_array().unwrap().len(), 3);
                assert_eq!(document["conflicts"], json!([]));
                continue;
            }
            (line, _) if line.contains("--check") => assert_eq!((status, &*error), (3, "")),
            (line, _) if line.contains("--confirm") => {
                assert_eq!(status, 4);
                let end = "every change was undone: the SAD and SPD are as before\n";
                assert!(error.ends_with(end), "{error}");
            }
            _ => assert_eq!((status, &*error), (0, ""), "{line}"),
        }
        assert_eq!(out.lines().count(), 3, "{line}: {out}");
    }
}

#[test]
fn the_result_is_json() {
    let apply = |words: &str| format!("ipsecctl apply {words} --json \"$1\"");
    assert_eq!(
        applied(&apply("--check"), SCRIPT),
        (
            3,
            json!({"in_force": "before", "reason": "check", "added": 0, "changed": 0, "deleted": 0})
        )
    );
    assert_eq!(
        applied(&apply("--confirm 1s"), SCRIPT),
        (
            4,
            json!({"in_force": "before", "reason": "unconfirmed", "added": 0, "changed": 0, "deleted": 0})
        )
    );
    // An action that differs, a policy that goes, and one that comes.
    let first = "printf 'spdadd 10.1.0.0/16 10.2.0.0/16 any -P out none;
        spdadd 10.3.0.0/16 10.2.0.0/16 any -P out none;' | ipsecctl apply - >/dev/null";
    let line = format!("{first} && {}", apply("--prune -k"));
    let expected = json!({"in_force": "all", "added": 1, "changed": 1, "deleted": 1});
    assert_eq!(applied(&line, SCRIPT), (0, expected));
    let line = format!("{first} && {}", apply("--owned"));
    let expected = json!({
        "in_force": "before", "reason": "conflict", "added": 0, "changed": 0, "deleted": 0
    });
    assert_eq!(applied(&line, SCRIPT), (2, expected));
}

#[test]
fn a_refusal_is_in_the_result() {
    let text = format!("{SCRIPT}spdadd 10.3.0.0/16 10.2.0.0/16 any -dev nosuch0 -P out none;");
    let (status, applied) = applied("ipsecctl apply --json \"$1\"", &text);
    assert_eq!(
        (status, &applied["in_force"], &applied["reason"]),
        (2, &json!("before"), &json!("refusal"))
    );
    let message = applied["message"].as_str().unwrap();
    assert!(message.starts_with("spdadd 10.3.0.0/16") && message.contains("nosuch0"), "{message}");
}
