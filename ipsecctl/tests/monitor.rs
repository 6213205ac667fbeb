//! `ipsecctl monitor` on this host's kernel: the command line. `tests/scenarios/events.rs` has the events.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use namespace::{refuses_nobody, run};

/// It goes on until it is ended: 124 is the exit status of timeout(1).
#[test]
fn the_examples_of_the_manual() {
    for line in manual::examples("ipsecctl monitor") {
        let monitor = line.split(" | ").next().unwrap();
        let output = run(&format!("timeout 1 {monitor}"));
        assert_eq!(output.status.code(), Some(124), "{line}: {output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        // Those of this host are not of the user namespace.
        let of_host = "ipsecctl: events of network namespace ";
        let is_of_host = |text: &str| monitor.contains("--all-netns") && text.starts_with(of_host);
        assert!(output.stdout.is_empty() && error.lines().all(is_of_host), "{line}: {error}");
    }
}

#[test]
fn a_wrong_filter_is_a_wrong_command_line() {
    for words in
        ["--dst host", "--dst 192.0.2.1/33", "--spi x", "--dir up", "--state old", "--proto tcp"]
    {
        assert_eq!(run(&format!("ipsecctl monitor {words}")).status.code(), Some(2), "{words}");
    }
}

#[test]
fn no_other_user_reads_them() {
    for words in [&["monitor"][..], &["monitor", "--all-netns"]] {
        refuses_nobody(words);
    }
}
