//! The system calls that a unit allows, as systemd reads its `SystemCallFilter=`. For tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

/// The calls that the unit's lines allow; `None` without systemd-analyze(1), which knows the groups.
pub(crate) fn allowed_by(unit: &str) -> Option<BTreeSet<String>> {
    let mut allowed = BTreeSet::new();
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let removed = line.strip_prefix('~');
        for word in removed.unwrap_or(line).split_whitespace() {
            for call in calls_of(word)? {
                if removed.is_some() {
                    allowed.remove(&call);
                } else {
                    allowed.insert(call);
                }
            }
        }
    }
    // systemd adds these to every list of what is allowed (`seccomp_filter_set_add`).
    allowed.extend(calls_of("@default")?);
    Some(allowed)
}

/// A call, or the calls of a group and of the groups in it.
fn calls_of(word: &str) -> Option<BTreeSet<String>> {
    if !word.starts_with('@') {
        return Some([word.to_owned()].into());
    }
    let output = Command::new("systemd-analyze").args(["syscall-filter", word]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|text| !text.is_empty())?;
    let mut calls = BTreeSet::new();
    for member in text.lines().filter_map(|line| line.strip_prefix("    ")) {
        let member = member.trim();
        if !member.starts_with('#') {
            calls.extend(calls_of(member)?);
        }
    }
    Some(calls)
}

/// The numbers of the calls on this machine, by name.
pub(crate) fn numbers() -> BTreeMap<String, i64> {
    let mut cc = Command::new("cc");
    cc.args(["-dM", "-E", "-include", "sys/syscall.h", "-x", "c", "/dev/null"]);
    let output = cc.output().expect("a C compiler (Debian: gcc, libc6-dev)");
    let text = String::from_utf8(output.stdout).expect("text");
    let number = |line: &str| {
        let (name, number) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    text.lines().filter_map(number).collect()
}
