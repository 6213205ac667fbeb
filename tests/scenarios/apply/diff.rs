//! `ipsecctl diff`: nothing of what was loaded, and each difference of what was not.

use scenarios::{Host, Outcome, times};

use super::{databases::pairs, tables::file};

fn diff(host: &Host, words: &str, text: &str) -> Outcome {
    let file = file(text);
    host.ipsecctl(&format!("diff {words} {}", file.path().display()))
}

#[test]
fn a_loaded_file_has_no_differences() {
    let host = Host::new("loaded");
    for [one, other] in pairs(times(200, 15)) {
        host.load(&one.script());
        let outcome = diff(&host, "", &one.script());
        assert_eq!((outcome.status, &*outcome.stdout, &*outcome.stderr), (0, "", ""), "{one:#?}");
        let dumped = host.setkey("-D --script").stdout + &host.setkey("-DP --script").stdout;
        let outcome = diff(&host, "--prune", &dumped);
        assert_eq!((outcome.status, &*outcome.stdout, &*outcome.stderr), (0, "", ""), "{dumped}");
        let outcome = diff(&host, "", &other.script());
        let is_same = one.script() == other.script();
        assert_eq!(outcome.status, if is_same { 0 } else { 3 }, "{one:?} {other:?} {outcome:?}");
    }
}

/// A policy that a statement replaces comes after those of its priority, as one that is new.
#[test]
fn a_replaced_policy_is_the_youngest() {
    let host = Host::new("replaced");
    let one = "10.0.0.0/24 10.0.0.0/16 any";
    for (before, after) in [("", ""), ("prio high", ""), ("", "prio high")] {
        let _ = host.setkey("-FP");
        let script = format!(
            "spdadd {one} -P out {before} none; spdadd 10.0.0.0/24 10.0.0.0/8 any -P out {after} none;
            spdupdate {one} -P out {after} discard;"
        );
        host.load(&script);
        let outcome = diff(&host, "--prune", &script);
        assert_eq!((outcome.status, &*outcome.stdout, &*outcome.stderr), (0, "", ""), "{script}");
    }
}
