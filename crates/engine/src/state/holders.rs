//! Which processes have a file lock.

use std::{
    fmt,
    fs::File,
    io::{BufRead, BufReader},
    os::unix::fs::MetadataExt,
};

use rustix::{
    fs::{major, minor},
    process::Pid,
};
use sys::pidfd::Process;

/// The processes that have a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders(Vec<Holder>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    /// 0: the process is of another PID namespace.
    pid: u32,
    /// Empty if the process has ended, or cannot be looked at.
    program: String,
}

impl Holders {
    /// Reads them from /proc/locks (`lock_get_status`, fs/locks.c).
    pub(super) fn of(file: &File) -> Self {
        let Ok(metadata) = file.metadata() else { return Self(Vec::new()) };
        let device = metadata.dev();
        let id = format!("{:02x}:{:02x}:{}", major(device), minor(device), metadata.ino());
        let Ok(locks) = File::open("/proc/locks") else { return Self(Vec::new()) };
        let lines = BufReader::new(locks).lines().map_while(Result::ok);
        Self(lines.filter_map(|line| holder(&line, &id)).collect())
    }
}

/// The holder of a lock on the file of this ID, from `1: FLOCK  ADVISORY  WRITE 708 00:1a:1234 0 EOF`.
/// A process that waits has `->` in place of `FLOCK`.
fn holder(line: &str, id: &str) -> Option<Holder> {
    let mut words = line.split_whitespace().skip(1);
    if words.next()? != "FLOCK" {
        return None;
    }
    let mut words = words.skip(2);
    let pid: u32 = words.next()?.parse().unwrap_or(0);
    if words.next()? != id {
        return None;
    }
    let program = i32::try_from(pid).ok().and_then(Pid::from_raw).map(Process::open);
    let program = program.and_then(|process| process.ok()?.read("comm").ok()).unwrap_or_default();
    Some(Holder { pid, program: program.trim_end().chars().filter(|c| !c.is_control()).collect() })
}

impl fmt::Display for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 3;
        if self.0.is_empty() {
            return f.write_str("another process");
        }
        for (place, Holder { pid, program }) in self.0.iter().take(MOST).enumerate() {
            f.write_str(if place == 0 { "" } else { ", " })?;
            match (*pid, program.as_str()) {
                (0, _) => f.write_str("a process of another PID namespace")?,
                (pid, "") => write!(f, "process {pid}")?,
                (pid, program) => write!(f, "process {pid} ({program})")?,
            }
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_those_of_the_file() {
        let line = "1: FLOCK  ADVISORY  WRITE 0 00:1a:1234 0 EOF";
        let other = Holder { pid: 0, program: String::new() };
        assert_eq!(holder(line, "00:1a:1234"), Some(other.clone()));
        assert_eq!(holder(line, "00:1a:123"), None);
        assert_eq!(holder("1: -> FLOCK  ADVISORY  WRITE 7 00:1a:1234 0 EOF", "00:1a:1234"), None);
        assert_eq!(holder("2: POSIX  ADVISORY  WRITE 7 00:1a:1234 0 EOF", "00:1a:1234"), None);
        assert_eq!(holder("", "00:1a:1234"), None);
        assert_eq!(Holders(Vec::new()).to_string(), "another process");
        let many = Holders(vec![other; 5]).to_string();
        assert!(many.ends_with("namespace and 2 more"), "{many}");
    }
}
