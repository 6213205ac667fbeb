//! Waiting for a file lock, with a limit.

use std::{
    fmt, fs,
    fs::File,
    io::{BufRead, BufReader},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::MetadataExt,
    },
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock, major, minor},
    io::Errno,
};

use crate::Error;

/// How long a process waits for others at most.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// The pause between two tries. flock(2) itself has no limit.
const PAUSE: Duration = Duration::from_millis(1);

/// A lock on a file. It is released when it is dropped, and by the processes that have its descriptor.
#[derive(Debug)]
pub struct Lock(File);

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Which other processes may have a lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Those that only add and delete what they were given.
    Shared,
    /// None: what is there is read, and then written.
    Exclusive,
}

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

impl Lock {
    pub(crate) fn new(file: File) -> Self {
        Self(file)
    }

    /// Waits for a lock on a file, at most `limit`, after those that have waited before.
    ///
    /// A process that waits has `queue` for that time. Without it, a process that takes a lock again as
    /// soon as it has released it would keep out one that looks once a millisecond. A process that
    /// has the lock never waits for the queue.
    ///
    /// Errors: [`Error::Locked`], [`Error::Run`].
    pub(crate) fn wait(
        queue: &File,
        file: File,
        path: &Path,
        access: Access,
        limit: Duration,
    ) -> Result<Self, Error> {
        let operation = match access {
            Access::Shared => FlockOperation::NonBlockingLockShared,
            Access::Exclusive => FlockOperation::NonBlockingLockExclusive,
        };
        let end = Instant::now() + limit;
        let is_locked = wait_for(queue, path, FlockOperation::NonBlockingLockExclusive, end)?
            && wait_for(&file, path, operation, end)?;
        if is_locked {
            return Ok(Self(file));
        }
        let holders = Holders::of(&file);
        Err(Error::Locked { path: path.to_owned(), limit, holders })
    }
}

/// Waits for a file's exclusive lock, which lasts until the file is closed.
///
/// Errors: [`Error::Locked`], [`Error::Run`].
pub(crate) fn wait_exclusive(file: &File, path: &Path, limit: Duration) -> Result<(), Error> {
    let end = Instant::now() + limit;
    if wait_for(file, path, FlockOperation::NonBlockingLockExclusive, end)? {
        return Ok(());
    }
    Err(Error::Locked { path: path.to_owned(), limit, holders: Holders::of(file) })
}

/// Tries until it has a lock, or the time has come: whether it has one.
fn wait_for(
    file: &File,
    path: &Path,
    operation: FlockOperation,
    end: Instant,
) -> Result<bool, Error> {
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) if Instant::now() < end => thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::run(path, errno.into())),
        }
    }
}

impl Holders {
    /// Reads them from /proc/locks (`lock_get_status`, fs/locks.c).
    fn of(file: &File) -> Self {
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
    let pid = words.next()?.parse().unwrap_or(0);
    if words.next()? != id {
        return None;
    }
    let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
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
    use crate::state::files;

    const SHORT: Duration = Duration::from_millis(30);

    #[test]
    fn a_wait_has_a_limit_and_names_the_holder() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let open = |path: &Path| files::open_lock(path).unwrap();
        let queue = directory.path().join("queue");
        let lock = |access| Lock::wait(&open(&queue), open(&path), &path, access, SHORT);
        let shared = lock(Access::Shared).unwrap();
        assert!(lock(Access::Shared).is_ok());
        let error = lock(Access::Exclusive).unwrap_err();
        let holder = format!("process {} (", std::process::id());
        assert!(error.to_string().contains(&holder), "{error}");
        assert_eq!(error.errno(), Errno::BUSY);
        drop(shared);
        let _alone = lock(Access::Exclusive).unwrap();
        assert!(lock(Access::Shared).is_err());
    }

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
