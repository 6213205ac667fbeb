//! `ipsecctl trace` on this host's kernel, in whose namespaces nothing is dropped: the command line.
//! `tests/scenarios/trace.rs` has the drops.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use std::{fs, os::unix::fs::PermissionsExt};

use namespace::{as_nobody, run};

/// In a user namespace there is no drop monitor, and one line reports that.
#[test]
fn the_examples_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("drops.pcap");
    for line in manual::examples("ipsecctl trace") {
        let line = line.replace("--seconds 60", "--seconds 1");
        let output = run(&line.replace("drops.pcap", file.to_str().unwrap()));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]), "{line}");
        assert_eq!(stderr.lines().count(), 1, "{line}: {stderr}");
        assert!(
            stderr.ends_with(": counters are read once a second instead of packets\n"),
            "{stderr}"
        );
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("letter");
    fs::write(&file, "Dear sir\n").unwrap();
    let output = run(&format!("ipsecctl trace --seconds 1 --pcap '{}'", file.display()));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("letter: File exists"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "Dear sir\n");
}

#[test]
fn a_wrong_number_is_a_wrong_command_line() {
    for words in ["--count 0", "--seconds 0", "--rate 0", "--count x", "--spi x"] {
        assert_eq!(run(&format!("ipsecctl trace {words}")).status.code(), Some(2), "{words}");
    }
}

#[test]
fn any_user_reads_the_counters() {
    let Some(output) = as_nobody(&["trace", "--seconds", "1"]) else { return };
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}
