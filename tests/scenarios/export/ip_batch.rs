//! Generated tables as lines of `ip -batch`: ip(8) makes the same ones, but for what a comment names.

use std::{collections::BTreeMap, env};

use regex::Regex;
use scenarios::{
    Host, Outcome, ipsecctl,
    raw_xfrm::{Entry, Generator, Kind, RawXfrm},
    times,
};

/// Entries of each kind in a table.
const MOST: usize = 4;

/// What a template has in other programs, and ip(8) sets in its own way. The kernel does not use it.
const UNUSED: [&str; 1] = ["TMPL.share"];

#[test]
fn ip_makes_the_same_tables() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let (first, count) =
        (number("XFRM_SEED").unwrap_or(1), number("XFRM_TABLES").unwrap_or(times(1000, 25)));
    let (host, other) = (Host::new("one"), Host::new("two"));
    let (raw, copy) = (host.within(RawXfrm::open), other.within(RawXfrm::open));
    let digits = Regex::new("[0-9][0-9a-f:.x]*").expect("a pattern");
    let (mut equal, mut named) = (0, BTreeMap::<String, usize>::new());
    for seed in first..first + count {
        let mut generator = Generator::new(seed);
        for _ in 0..MOST {
            for entry in [generator.sa(), generator.policy()] {
                // The kernel refuses some.
                let _ = raw.add(&entry);
            }
        }
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
            let before = before.into_iter().filter(|it| !is_made_by_linux(it)).map(Entry::masked);
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
            let after = after.iter().filter(|it| !is_made_by_linux(it)).count();
            assert_eq!(after, 0, "seed {seed}: more than before\n{batch}");
        }
        assert_eq!(exported.status, if is_lost { 2 } else { 0 }, "seed {seed}: {exported:?}");
        assert_eq!(exported.stderr.is_empty(), !is_lost, "seed {seed}: {exported:?}");
        raw.flush();
        copy.flush();
    }
    println!("{count} tables: {equal} entries equal");
    for (reason, count) in &named {
        println!("named {count} times: {reason}");
    }
    assert!(equal > 0);
}

/// The line of an entry, which may be a comment.
fn is_entry(line: &str) -> bool {
    line.trim_start_matches("# ").starts_with("xfrm ")
}

/// SAs of protocol 4 and 41, which Linux makes for IPComp tunnels.
fn is_made_by_linux(entry: &Entry) -> bool {
    entry.kind == Kind::Sa && matches!(entry.get("id.proto"), [4 | 41])
}
