//! `ipsecctl counters` on this host's kernel, which drops nothing in a new network namespace.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use rustix::process::geteuid;
use serde_json::Value;

/// Runs a command line in a network namespace of its own, as its root.
fn run(line: &str) -> Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_ipsecctl")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user", "sh", "-c", line]).env("PATH", path);
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

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
    if !geteuid().is_root() {
        return eprintln!("skipped: only root becomes another user");
    }
    // The target folder may be in a directory that others may not enter.
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let copy = directory.path().join("ipsecctl");
    fs::copy(env!("CARGO_BIN_EXE_ipsecctl"), &copy).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let as_nobody = |words: [&str; 2]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&copy);
        command.args(words).output().unwrap()
    };
    assert!(stdout(&as_nobody(["counters", "--all"])).starts_with("XfrmInError "));
    // Nor does it write what they may not.
    let secret = directory.path().join("secret");
    let since = format!("--since={}", secret.display());
    assert_eq!(as_nobody(["counters", &since]).status.code(), Some(1));
    assert!(!secret.exists());
}
