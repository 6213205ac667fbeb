//! `ipsecctl export` on this host's kernel, in network namespaces of their own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use namespace::texts;
use serde_json::{Value, json};

const POLICIES: &str = "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec esp/transport//require;\
    spdadd 10.1.0.0/16 10.3.0.0/16[80] tcp -P out none;\
    spdadd 10.1.0.0/16 10.4.0.0/16 any -user 7 -P out prio low discard;";

/// Runs a command line in a network namespace with these policies: exit status, standard output and error.
fn run(line: &str) -> (i32, String, String) {
    texts(namespace::run(&format!("echo '{POLICIES}' | ipsecctl apply - >/dev/null && {line}")))
}

/// The lines of an output that are no comments.
fn lines(out: &str) -> Vec<&str> {
    out.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn the_examples_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    for line in manual::examples("ipsecctl export") {
        let (command, _) = line.rsplit_once([' ', '>']).unwrap();
        // One goes on until it is interrupted.
        let line = format!("timeout 3 {command} '{}'", file.display());
        let line =
            if line.contains(" -o ") { line } else { line.replace("nft-bypass", "nft-bypass >") };
        let (status, out, error) = run(&line);
        let expected = if line.contains("--follow") { 124 } else { 0 };
        assert_eq!((status, out.as_str(), error.as_str()), (expected, "", ""), "{line}");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# ") || text.is_empty(), "{line}: {text}");
        if line.contains(" -o ") {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{line}");
        }
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_format_is_words_of_its_program() {
    let (status, out, error) = run("ipsecctl export --to setkey | cat");
    assert_eq!((status, error.as_str()), (0, ""));
    assert_eq!(
        lines(&out),
        [
            "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec esp/transport//require;",
            "spdadd 10.1.0.0/16 10.3.0.0/16[80] tcp -P out none;",
            "spdadd 10.1.0.0/16 10.4.0.0/16 any -user 7 -P out prio low discard;",
        ]
    );
    let (status, out, error) = run("ipsecctl export --to ip-batch");
    let reason = "policy 10.1.0.0/16 to 10.4.0.0/16 out: user 7";
    assert_eq!((status, error), (2, format!("ipsecctl: not exported: {reason}\n")));
    let policy = "xfrm policy add src 10.1.0.0/16 dst 10";
    assert_eq!(
        out,
        format!(
            "# without: share unique\n{policy}.2.0.0/16 dir out action allow priority 2147483648 \
             tmpl src 0.0.0.0 dst 0.0.0.0 proto esp mode transport level required\n\
             {policy}.3.0.0/16 proto 6 dport 80 dir out action allow priority 2147483648\n\
             # not here: {reason}\n\
             # {policy}.4.0.0/16 dir out action block priority 3221225472\n"
        )
    );
    let (status, out, error) = run("ipsecctl export --to nft-bypass --table t --dst 10.2.0.0/15");
    assert_eq!((status, error.as_str()), (0, ""));
    let rules: Vec<_> =
        out.lines().filter_map(|line| line.strip_prefix("add rule inet t ")).collect();
    let chain = "xfrm-bypass-out ip saddr 10.1.0.0/16 ip daddr 10";
    assert_eq!(
        rules,
        [
            format!("{chain}.2.0.0/16 return"),
            format!("{chain}.3.0.0/16 meta l4proto 6 th dport 80 accept"),
        ]
    );
    let (status, out, _) = run("ipsecctl export --to swanctl");
    assert_eq!(status, 2, "a transport policy between networks has no peer");
    for words in
        ["local_ts = 10.1.0.0/16[6]", "remote_ts = 10.3.0.0/16[6/80]", "mode = pass", "mode = drop"]
    {
        assert_eq!(out.matches(words).count(), 1, "{words}: {out}");
    }
}

#[test]
fn json_has_what_the_file_has() {
    let directory = tempfile::tempdir().unwrap();
    for (format, policies, omitted) in [
        ("setkey", 3, json!(null)),
        ("swanctl", 2, json!("policy 10.1.0.0/16 to 10.2.0.0/16 out: its peer is not one host")),
        ("nft-bypass", 2, json!(null)),
        ("ip-batch", 2, json!("policy 10.1.0.0/16 to 10.4.0.0/16 out: user 7")),
    ] {
        let file = directory.path().join(format);
        let line = format!("ipsecctl export --to {format} -o '{}' --json", file.display());
        let (status, out, _) = run(&line);
        let document: Value = serde_json::from_str(&out).unwrap();
        let exported = &document["exported"];
        let left = &exported["omitted"][0];
        let left = left["entry"]
            .as_str()
            .map(|entry| json!(format!("{entry}: {}", left["reason"].as_str().unwrap())));
        assert_eq!(left.unwrap_or_default(), omitted, "{format}: {out}");
        assert_eq!(
            (&exported["sas"], &exported["policies"]),
            (&json!(0), &json!(policies)),
            "{out}"
        );
        assert_eq!(status == 2, !omitted.is_null(), "{format}");
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.contains("# not here"), status == 2, "{text}");
    }
    let (status, _, error) = run("ipsecctl export --to swanctl --json");
    assert_eq!(status, 2);
    assert!(error.contains("--output <FILE>") || error.contains("-o <FILE>"), "{error}");
}

#[test]
fn keys_go_to_a_new_file_or_a_pipe() {
    let directory = tempfile::tempdir().unwrap();
    let taken = directory.path().join("taken");
    fs::write(&taken, "kept").unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(directory.path().join("elsewhere"), &link).unwrap();
    for path in [&taken, &link] {
        let (status, _, error) =
            run(&format!("ipsecctl export --to tcpdump -o '{}'", path.display()));
        assert_eq!(status, 1);
        assert!(error.contains("File exists"), "{error}");
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "kept");
    assert!(!directory.path().join("elsewhere").exists());
    let (status, out, _) = run("script -qec 'ipsecctl export --to ip-batch' /dev/null");
    assert_eq!(status, 1);
    assert!(out.contains("standard output is a terminal") && !out.contains("xfrm"), "{out}");
    let (status, out, error) = run("ipsecctl export --to ip-batch --follow");
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(error.contains("--follow is for wireshark and tcpdump"), "{error}");
}

#[test]
fn an_unprivileged_user_reads_no_key() {
    let path = Path::new("/tmp").join(format!("ipsecctl-export-{}", std::process::id()));
    let file = path.display().to_string();
    let Some(output) = namespace::as_nobody(&["export", "--to", "tcpdump", "-o", &file]) else {
        return;
    };
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("CAP_NET_ADMIN"), "{error}");
    assert!(!path.exists(), "the file is removed after an error");
}
