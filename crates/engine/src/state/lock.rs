//! Waiting for a file lock, with a limit.

use std::{
    fs::File,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::holders::Holders;
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
}
