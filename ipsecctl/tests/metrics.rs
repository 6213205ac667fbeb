//! `ipsecctl metrics` on this host's kernel. `tests/scenarios/metrics.rs` reads the text strictly.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use std::fs;

use namespace::{refuses_nobody, run, stdout};

#[test]
fn the_example_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display().to_string();
    for line in manual::examples("ipsecctl metrics") {
        assert_eq!(stdout(&run(&line.replace("/run", &path))), "");
    }
    let text = fs::read_to_string(directory.path().join("xfrm.prom")).unwrap();
    assert!(text.starts_with("# TYPE xfrm_dropped_packets counter\n"), "{text}");
    assert!(
        text.contains("\nxfrm_sas{state=\"mature\"} 0\n") && text.ends_with("# EOF\n"),
        "{text}"
    );
}

#[test]
fn no_other_user_reads_them() {
    refuses_nobody(&["metrics"]);
}
