//! `ipsecctl diff` on this host's kernel, in network namespaces without SAs and policies.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use namespace::{refuses_nobody, texts};
use serde_json::Value;

const SCRIPT: &str =
    "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out prio high ipsec esp/transport//require;
spdadd 10.2.0.0/16 10.1.0.0/16 any -P in ipsec esp/transport//require;
";

/// Runs a command line in a network namespace of its own: exit status, standard output, standard error.
fn run(line: &str) -> (i32, String, String) {
    texts(namespace::run(line))
}

fn file(directory: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_examples_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let script = file(&directory, "ipsec.conf", SCRIPT).display().to_string();
    for line in manual::examples("ipsecctl diff") {
        let (status, out, error) = run(&line.replace("/etc/ipsec.conf", &script));
        assert_eq!((status, error.as_str()), (3, ""), "{line}: {out}");
        if let Ok(document) = serde_json::from_str::<Value>(&out) {
            assert_eq!(document["changes"].as_array().unwrap().len(), 3);
            assert_eq!(document["changes"][0]["policy"]["priority"], 0x4000_0000);
            assert_eq!(document["staying"]["sas"], 0);
            continue;
        }
        assert_eq!(
            out,
            "+ spdadd 10.1.0.0/16 10.2.0.0/16 any -P out prio high ipsec esp/transport//require;\n\
             + spdadd 10.2.0.0/16 10.1.0.0/16 any -nofwd -P in ipsec esp/transport//require;\n\
             + spdadd 10.2.0.0/16 10.1.0.0/16 any -P fwd ipsec esp/transport//require;\n"
        );
    }
}

#[test]
fn what_is_no_state_is_a_mistake_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let other = file(&directory, "other", SCRIPT).display().to_string();
    let text =
        format!("spdflush;\n{SCRIPT}spddelete 10.1.0.0/16 10.2.0.0/16 any -P out;\nspdflush;\n");
    let script = file(&directory, "script", &text).display().to_string();
    let (status, out, error) = run(&format!("ipsecctl diff {other} {script}"));
    assert_eq!((status, out.as_str()), (1, ""));
    let messages = error.lines().filter(|line| line.starts_with("ipsecctl: "));
    assert_eq!(
        messages.collect::<Vec<_>>(),
        [
            format!("ipsecctl: {script}:2: {other}:1 describes this, too"),
            format!("ipsecctl: {script}:3: {other}:2 describes this, too"),
            format!("ipsecctl: {script}:4:1: the statement describes neither an SA nor a policy"),
            format!(
                "ipsecctl: {script}:5:1: a flush is at the beginning of a file that describes a state: \
                 line 2 is before it"
            ),
            "ipsecctl: the files have 4 mistakes".to_owned(),
        ]
    );
    let json = file(&directory, "json", "\n {\"schema_version\": 2}").display().to_string();
    let (status, _, error) = run(&format!("ipsecctl diff {json}"));
    assert_eq!(status, 1);
    let what = "schema_version is 2: this program reads 1";
    assert_eq!(error, format!("ipsecctl: {json}:{what}\n"));
}

#[test]
fn json_and_what_ip_prints_are_files_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let script = file(&directory, "script", SCRIPT).display().to_string();
    let other = directory.path().join("other").display().to_string();
    for print in ["ipsecctl show policies --json", "ip -s xfrm policy"] {
        let keep = format!("ipsecctl apply {script} >/dev/null && {print} >{other}");
        let (status, out, error) = run(&format!("{keep} && ipsecctl diff --prune {other}"));
        assert_eq!((status, out.as_str(), error.as_str()), (0, "", ""), "{print}");
        let (status, out, error) = run(&format!("ipsecctl apply {other}"));
        assert_eq!((status, out.lines().count(), error.as_str()), (0, 3, ""), "{print}: {out}");
        // A change that the kernel has not.
        let other_priority = format!("sed -i s/1073741824/1073741825/ {other}");
        let (status, out, _) = run(&format!("{keep} && {other_priority} && ipsecctl diff {other}"));
        assert_eq!(status, 3, "{print}: {out}");
        assert!(out.contains("priority"), "{print}: {out}");
        let (status, _, error) = run(&format!("ipsecctl check {other}"));
        assert_eq!(status, 1);
        assert!(error.contains("is no script: `ipsecctl import` makes one of it"), "{error}");
    }
}

#[test]
fn a_file_without_an_end_is_named_with_the_limit() {
    let (status, out, error) = run("yes '' | ipsecctl diff -");
    assert_eq!((status, out.as_str()), (1, ""));
    assert_eq!(error, "ipsecctl: cannot read <stdin>: it has more than 64 MiB\n");
}

#[test]
fn an_unprivileged_user_reads_no_sa() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let script = file(&directory, "script", SCRIPT).display().to_string();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    refuses_nobody(&["diff", &script]);
}
