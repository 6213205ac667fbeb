//! A process and those that it has started.

use std::{fs, time::Duration};

use rustix::{param::clock_ticks_per_second, process::Pid};

/// A process of a family.
pub struct Relative {
    /// Its number.
    pub pid: Pid,
    /// The name of its program.
    pub name: String,
    /// The time that it has taken.
    pub cpu: Duration,
}

/// A process, its children, and theirs, in the order in which they were started.
#[must_use]
pub fn family(first: Pid) -> Vec<Relative> {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    // Those that end meanwhile are left out.
    let stats = processes.filter_map(|it| fs::read_to_string(it.path().join("stat")).ok());
    let mut stats: Vec<_> = stats.filter_map(|stat| read(&stat)).collect();
    stats.sort_by_key(|(relative, ..)| relative.pid.as_raw_nonzero());
    let mut members = vec![first];
    while let Some((child, ..)) = stats.iter().find(|(relative, parent)| {
        parent.is_some_and(|parent| members.contains(&parent)) && !members.contains(&relative.pid)
    }) {
        members.push(child.pid);
    }
    let relatives = stats.into_iter().map(|(relative, _)| relative);
    relatives.filter(|relative| members.contains(&relative.pid)).collect()
}

/// Reads `/proc/PID/stat`: a process and its parent.
fn read(stat: &str) -> Option<(Relative, Option<Pid>)> {
    let (head, rest) = stat.rsplit_once(") ")?;
    let (number, name) = head.split_once(" (")?;
    let fields: Vec<i64> =
        rest.split(' ').skip(1).filter_map(|field| field.trim().parse().ok()).collect();
    let pid = |number| Pid::from_raw(i32::try_from(number).ok()?);
    let ticks = u64::try_from(fields.get(10)? + fields.get(11)?).ok()?;
    let cpu = Duration::from_millis(ticks * 1000 / clock_ticks_per_second());
    let relative = Relative { pid: pid(number.parse().ok()?)?, name: name.to_owned(), cpu };
    Some((relative, pid(*fields.first()?)))
}
