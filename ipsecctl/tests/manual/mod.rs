//! The examples of ipsecctl(8), which tests run.
#![allow(dead_code, reason = "each test takes what it needs")]

const PAGE: &str = include_str!("../../../man/ipsecctl.8");

/// The first of the command lines with filters, which are one after the other.
const FIRST_OF_FILTERS: &str = "ipsecctl show sas --dst 192.0.2.2 --state mature";

const FILTERS: [&str; 4] = [" --dst ", " --dir ", " --reqid ", " --proto "];

/// The command lines of the section EXAMPLES that begin with these words, without the prompt.
pub fn examples(beginning: &str) -> Vec<&'static str> {
    let is_of_all = |line: &&str| !of_filters().contains(line);
    let found = all().filter(|line| line.starts_with(beginning)).filter(is_of_all);
    let found = found.collect::<Vec<_>>();
    assert!(!found.is_empty(), "ipsecctl(8) has no example `{beginning}`");
    found
}

/// The command lines about a part of the entries, which `tests/filters.rs` runs.
pub fn of_filters() -> Vec<&'static str> {
    let lines = all().skip_while(|line| *line != FIRST_OF_FILTERS);
    lines.take_while(|line| FILTERS.iter().any(|filter| line.contains(filter))).collect()
}

fn all() -> impl Iterator<Item = &'static str> {
    let (_, section) = PAGE.split_once(".Sh EXAMPLES\n").expect("it has examples");
    let (section, _) = section.split_once("\n.Sh ").expect("another section follows");
    section.lines().filter_map(|line| line.strip_prefix(".Dl # "))
}
