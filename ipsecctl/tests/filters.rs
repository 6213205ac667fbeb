//! Filters of the subcommands, on this host's kernel, in a network namespace of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use namespace::{run_with_file, texts};

/// Two peers: the second is not to be touched. `tests/scenarios/filters.rs` has SAs.
const TABLES: &str = "spdadd 192.0.2.1 192.0.2.2 any -P out none;
spdadd 192.0.2.1 192.0.2.3 any -P out none;
";

/// What a command line prints where the kernel has the tables, and a file `ipsec.conf` has them too.
fn at_two_peers(line: &str) -> (i32, String, String) {
    let line = line.replace("/etc/ipsec.conf", "\"$1\"");
    texts(run_with_file(&format!("ipsecctl apply \"$1\" >/dev/null && {line}"), TABLES))
}

#[test]
fn the_examples_of_the_manual() {
    for line in manual::of_filters() {
        let (status, out, error) = at_two_peers(line);
        let has_other = out.contains("192.0.2.3");
        assert!(!has_other, "{line}: {out}");
        match line.split_whitespace().nth(1).unwrap() {
            "diagnose" => assert_eq!(status, 0, "{line}: {out}{error}"),
            "diff" | "apply" => {
                let rest = "# 0 SAs and 1 policy are in no file or left out, and stay\n";
                assert_eq!((status, &*out), (0, rest), "{error}");
                assert_eq!(error.matches("the filter leaves out: ").count(), 1, "{error}");
            }
            _ => assert_eq!((status, &*error), (0, ""), "{line}: {out}"),
        }
    }
    assert_eq!(manual::of_filters().len(), 9);
}

#[test]
fn an_option_without_a_meaning_is_refused() {
    for line in [
        "ipsecctl explain out 192.0.2.1 192.0.2.2 --src 192.0.2.1",
        "ipsecctl diff --state mature /etc/ipsec.conf",
        "ipsecctl apply --state mature /etc/ipsec.conf",
        "ipsecctl check --state mature /etc/ipsec.conf",
        "ipsecctl counters --src 192.0.2.1",
        "ipsecctl show default --dst 192.0.2.1",
        "ipsecctl show --dst 192.0.2.1",
        "ipsecctl diagnose --mark x",
    ] {
        let (status, out, error) = at_two_peers(line);
        assert_eq!((status, &*out), (2, ""), "{line}: {error}");
    }
}
