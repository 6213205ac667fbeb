//! The units of dist/systemd allow what the daemon allows itself.

use std::{collections::BTreeSet, fs, path::Path};

use super::{ALLOWED, ALLOWED_HERE, TO_KEEP, TO_STAT, by_arguments};
use crate::confinement::unit_filter::{allowed_by, numbers};

/// What the daemon allows itself and does without where its starter does not allow it: a unit sets the capabilities
/// and the scheduling itself, and the C library sets limits by prlimit64(2).
const WITHOUT: [&str; 3] = ["capset", "sched_setscheduler", "setrlimit"];

/// What it and its processes call before they have their filters, and not after, as `strace -f` shows: `sys::process`
/// leaves a process behind. As root it also becomes another user, which a unit does itself.
const BEFORE: [&str; 2] = ["chdir", "setsid"];

fn unit(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/systemd");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The calls of a list that a unit does not allow.
fn refused<'a>(unit_name: &str, calls: impl Iterator<Item = &'a i64>) -> Option<BTreeSet<String>> {
    let Some(allowed) = allowed_by(&unit(unit_name)) else {
        eprintln!("skipped: systemd-analyze(1) is not there");
        return None;
    };
    assert!(allowed.len() > 200, "{allowed:?}");
    let numbers = numbers();
    let calls: BTreeSet<_> = calls.collect();
    let of_list = numbers.iter().filter(|(_, number)| calls.contains(number));
    let names: BTreeSet<_> = of_list.map(|(name, _)| name.clone()).collect();
    assert_eq!(names.len(), calls.len(), "each has a name");
    let before = BEFORE.map(str::to_owned);
    Some(names.into_iter().chain(before).filter(|name| !allowed.contains(name)).collect())
}

#[test]
fn the_units_allow_what_the_daemon_does() {
    let by_arguments: Vec<_> = by_arguments().unwrap().into_iter().map(|(call, _)| call).collect();
    for name in ["ipsecd.service", "ipsecd@.service"] {
        let calls = ALLOWED.iter().chain(ALLOWED_HERE).chain(TO_KEEP).chain(&by_arguments);
        let Some(refused) = refused(name, calls) else { return };
        assert_eq!(refused, WITHOUT.map(str::to_owned).into(), "{name}");
    }
}

#[test]
fn the_unit_of_the_process_for_user_namespaces_allows_what_it_does() {
    let Some(refused) = refused("ipsecd-userns@.service", TO_STAT.iter()) else { return };
    assert_eq!(refused, BTreeSet::new());
}
