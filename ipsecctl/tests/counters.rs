//! `ipsecctl counters` on this host's kernel, which drops nothing in a new network namespace.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use std::fs;

use namespace::{as_nobody, run, stdout};
use serde_json::Value;

#[test]
fn the_examples_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("counters");
    for line in manual::examples("ipsecctl counters") {
        let text = stdout(&run(&line.replace("/run/counters", &file.display().to_string())));
        assert!(text.contains("No packets") || text.contains("\"counters\": []"), "{line}: {text}");
    }
    assert!(fs::read_to_string(&file).unwrap().contains("XfrmInNoStates 0\n"));
}

#[test]
fn all_counters_have_a_meaning() {
    let text = stdout(&run("ipsecctl counters --all --json"));
    let document: Value = serde_json::from_str(&text).unwrap();
    let counters = document["counters"].as_array().unwrap();
    assert!(counters.len() >= 28, "{document}");
    for counter in counters {
        assert_eq!(counter["packets"], 0);
        assert!(counter["remedy"].is_string(), "unknown to this release: {counter}");
    }
}

/// The file may be a copy of the kernel's.
#[test]
fn changes_are_since_the_last_call() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x y");
    let line = format!(
        "cat /proc/net/xfrm_stat >'{0}' && ipsecctl counters --all --since '{0}'",
        file.display()
    );
    let text = stdout(&run(&line));
    assert!(text.contains("XfrmInNoStates 0 (+0)\n"), "{text}");
    fs::write(&file, "Dear sir\n").unwrap();
    let output = run(&format!("ipsecctl counters --since '{}'", file.display()));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().ends_with("number: `Dear sir`\n"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "Dear sir\n");
}

#[test]
fn a_wrong_interval_is_a_wrong_command_line() {
    for words in ["--watch 0", "--watch x", "--watch 1 --since x", "--watch 1 --all"] {
        assert_eq!(run(&format!("ipsecctl counters {words}")).status.code(), Some(2), "{words}");
    }
}

#[test]
fn any_user_reads_them() {
    let Some(output) = as_nobody(&["counters", "--all"]) else { return };
    assert!(stdout(&output).starts_with("XfrmInError "));
    // Nor does it write what they may not.
    let directory = tempfile::tempdir().unwrap();
    let since = format!("--since={}", directory.path().join("file").display());
    assert_eq!(as_nobody(&["counters", &since]).unwrap().status.code(), Some(1));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}
