//! `ipsecctl doctor` on this host's kernel, whatever it has. `tests/scenarios/doctor.rs` has planted faults.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use std::{fs, process::Output};

use namespace::{as_nobody, run};
use serde_json::Value;

/// The conditions, after 0 or 3 as they demand.
fn conditions(output: &Output) -> Vec<Value> {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let conditions = document["conditions"].as_array().unwrap().clone();
    let has_fault = conditions.iter().any(|it| it["status"] == "fault");
    assert_eq!(output.status.code(), Some(if has_fault { 3 } else { 0 }), "{output:?}");
    conditions
}

fn of<'a>(conditions: &'a [Value], subject: &str) -> Vec<&'a Value> {
    conditions.iter().filter(|it| it["subject"] == subject).collect()
}

#[test]
fn the_examples_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a b.conf");
    fs::write(&file, "add 192.0.2.1 192.0.2.2 ipcomp 0x1001 -C lzs;\n").unwrap();
    for line in manual::examples("ipsecctl doctor") {
        let line = line.split(" | ").next().unwrap();
        let line = line.replace("/etc/ipsec.conf", &format!("'{}'", file.display()));
        let output = run(&line);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{line}: {output:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{line}: {output:?}");
    }
}

#[test]
fn every_subject_has_a_line() {
    let conditions = conditions(&run("ipsecctl doctor --json"));
    for subject in [
        "kernel",
        "algorithm",
        "option",
        "sysctl",
        "offload",
        "security",
        "af_key",
        "caller",
        "ipsecd",
    ] {
        assert!(!of(&conditions, subject).is_empty(), "{subject}: {conditions:?}");
    }
    // What is no fault of the namespace is none: it is new.
    assert!(of(&conditions, "sysctl").iter().all(|it| it["status"] == "ok"), "{conditions:?}");
    let bad = |it: &&Value| it["status"] != "ok";
    assert!(conditions.iter().filter(bad).all(|it| it["remedy"].is_string()), "{conditions:?}");
}

#[test]
fn a_script_has_the_statement_that_needs_what_is_missing() {
    let script = "printf 'flush;\\nadd ::1 ::2 ipcomp 7 -C lzs;\\nadd ::1 ::2 esp 4097 -E aes-cbc 0x00112233445566778899aabbccddeeff;\\n'";
    let conditions = conditions(&run(&format!("{script} | ipsecctl doctor --json -")));
    let lzs = conditions.iter().find(|it| it["what"].as_str().unwrap().contains("lzs"));
    let lzs = lzs.unwrap_or_else(|| panic!("{conditions:?}"));
    assert_eq!((&lzs["status"], &lzs["place"]), (&"fault".into(), &"<stdin>:2".into()));
    assert!(of(&conditions, "caller").is_empty(), "{conditions:?}");
    // Nothing is left of the question.
    let output = run(&format!("{script} | ipsecctl doctor -; ipsecctl show sas --json"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\"sas\": []"), "{text}");
    assert!(!text.contains("001122"), "{text}");
}

#[test]
fn mistakes_of_a_script_are_counted() {
    let conditions = conditions(&run("printf 'nonsense;\\nflush;\\n' | ipsecctl doctor --json -"));
    let script = of(&conditions, "script");
    assert_eq!((script.len(), &script[0]["status"]), (1, &"fault".into()));
    let output = run("ipsecctl doctor /nonexistent");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    assert_eq!(run("ipsecctl doctor --dialect netbsd").status.code(), Some(2));
}

#[test]
fn quiet_leaves_out_what_is_ok() {
    let text = String::from_utf8(run("ipsecctl doctor -q").stdout).unwrap();
    assert!(text.lines().all(|line| !line.starts_with("ok ")), "{text}");
}

#[test]
fn any_user_sees_what_was_not_looked_at() {
    let Some(output) = as_nobody(&["doctor", "--json"]) else { return };
    let conditions = conditions(&output);
    let caller = of(&conditions, "caller");
    let is_unread = |it: &&&Value| it["status"] == "unknown";
    let unread = caller.iter().find(is_unread).unwrap_or_else(|| panic!("{caller:?}"));
    assert!(unread["what"].as_str().unwrap().contains("CAP_NET_ADMIN"), "{unread}");
    assert_eq!(unread["remedy"], "`sudo ipsecctl doctor`");
    assert!(conditions.iter().all(|it| it["status"] != "fault" || it["remedy"].is_string()));
}
