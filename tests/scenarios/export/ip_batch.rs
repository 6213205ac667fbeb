//! Generated tables as lines of `ip -batch`: ip(8) makes the same ones, but for what a comment names.

use std::collections::BTreeMap;

use regex::Regex;
use scenarios::{
    Host, Outcome, ipsecctl,
    raw_xfrm::{Entry, RawXfrm, seeds},
};

/// What a template has in other programs, and ip(8) sets in its own way. The kernel does not use it.
const UNUSED: [&str; 1] = ["TMPL.share"];

#[test]
fn ip_makes_the_same_tables() {
    let (host, other) = (Host::new("one"), Host::new("two"));
    let (raw, copy) = (host.within(RawXfrm::open), other.within(RawXfrm::open));
    let digits = Regex::new("[0-9][0-9a-f:.x]*").expect("a pattern");
    let (mut equal, mut named) = (0, BTreeMap::<String, usize>::new());
    for seed in seeds(1000, 25) {
        let _refused = raw.fill(seed);
        let before = raw.dump();
        let mut export = host.command(ipsecctl());
        let exported = Outcome::of(export.args(["export", "--to", "ip-batch", "--counters"]));
        let batch = exported.stdout.as_str();
        let mut ip = other.command("ip");
        let loaded = Outcome::with_input(ip.args(["-batch", "-"]), batch);
        assert_eq!(loaded.stderr, "", "seed {seed}\n{batch}");
        let after = copy.dump();
        let mut lines = batch.lines().filter(|line| is_entry(line));
        let mut reasons = batch.lines().filter_map(|line| line.strip_prefix("# not here: "));
        let mut is_lost = false;
        for (before, after) in before.into_iter().zip(after) {
            let mut after = after.into_iter().map(Entry::masked).collect::<Vec<_>>();
            let before = before.into_iter().filter(|it| !it.is_made_by_linux()).map(Entry::masked);
            for entry in before {
                let line = lines.next().unwrap_or_else(|| panic!("seed {seed}\n{batch}"));
                if line.starts_with('#') {
                    let reason = reasons.next().unwrap_or_else(|| panic!("seed {seed}\n{batch}"));
                    let (_, reason) = reason.split_once(": ").expect("a reason");
                    *named.entry(digits.replace_all(reason, "N").into_owned()).or_default() += 1;
                    is_lost = true;
                    continue;
                }
                let same = after.iter().position(|it| it.identity() == entry.identity());
                let same = same.unwrap_or_else(|| panic!("seed {seed}: not there\n{line}"));
                let differences = entry.differences(&after.remove(same));
                let silent = differences.iter().find(|it| !UNUSED.contains(&it.as_str()));
                assert_eq!(silent, None, "seed {seed}\n{line}\n{entry:?}");
                equal += 1;
            }
            let after = after.iter().filter(|it| !it.is_made_by_linux()).count();
            assert_eq!(after, 0, "seed {seed}: more than before\n{batch}");
        }
        is_lost |= exported.stderr.contains("not exported as it is");
        assert_eq!(exported.status, if is_lost { 2 } else { 0 }, "seed {seed}: {exported:?}");
        assert_eq!(exported.stderr.is_empty(), !is_lost, "seed {seed}: {exported:?}");
        raw.flush();
        copy.flush();
    }
    println!("{equal} entries equal");
    for (reason, count) in &named {
        println!("named {count} times: {reason}");
    }
    assert!(equal > 0);
}

/// The line of an entry, which may be a comment.
fn is_entry(line: &str) -> bool {
    line.trim_start_matches("# ").starts_with("xfrm ")
}
