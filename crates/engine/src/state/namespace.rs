use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use sys::{netns, run};

use super::lock::{self, Access, Lock};
use crate::{Error, RUN_DIRECTORY};

/// The file in a namespace's directory that its daemon locks.
pub const DAEMON_LOCK: &str = "ipsecd.lock";

/// How often, and how far apart, a starting daemon tries to get the lock: a process that asks whether there is
/// one ([`Namespace::has_daemon`]) holds it for a moment.
const TRIES: (u32, Duration) = (10, Duration::from_millis(10));

/// What is kept for one network namespace: a directory of its own in `/run`, so that it goes with
/// the SAD and SPD at a reboot.
#[derive(Debug, Clone)]
pub struct Namespace {
    directory: PathBuf,
    /// Distinguishes it from one that had the same number before; 0 if the kernel has no cookies.
    pub(crate) cookie: u64,
}

impl Namespace {
    /// This thread's.
    #[must_use]
    pub fn current() -> Self {
        Self::within(Path::new(RUN_DIRECTORY))
    }

    /// This thread's, kept under another directory than `/run/xfrm-tools`.
    pub(crate) fn within(root: &Path) -> Self {
        let directory = run::directory_below(root, netns::inode().unwrap_or(0));
        Self { directory, cookie: netns::cookie().unwrap_or(0) }
    }

    /// The directory: `/run/xfrm-tools/NUMBER`, the inode number of the namespace.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory, if it is not there.
    pub fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(&self.directory)
    }

    pub(crate) fn exists(&self) -> bool {
        self.directory.exists()
    }

    /// Waits for the right to change the SPD and what is kept beside it.
    ///
    /// Errors: [`Error::Locked`] after ten seconds, [`Error::Run`].
    pub(crate) fn lock(&self, access: Access) -> Result<Lock, Error> {
        let queue = self.open("lock.queue").map_err(Error::run)?;
        let file = self.open("lock").map_err(Error::run)?;
        Lock::wait(&queue, file, &self.directory.join("lock"), access, lock::LIMIT)
    }

    /// Becomes the daemon of this namespace, until the lock is dropped; `None` if there is one.
    pub fn become_daemon(&self) -> io::Result<Option<Lock>> {
        self.make()?;
        let file = self.open(DAEMON_LOCK)?;
        let (tries, pause) = TRIES;
        for _ in 0..tries {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Lock::new(file))),
                Err(rustix::io::Errno::WOULDBLOCK) => thread::sleep(pause),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Whether a daemon watches what happens here.
    #[must_use]
    pub fn has_daemon(&self) -> bool {
        let Ok(file) = File::open(self.directory.join(DAEMON_LOCK)) else { return false };
        flock(&file, FlockOperation::NonBlockingLockShared).is_err()
    }

    fn open(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        options.open(self.directory.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_one_daemon() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        assert!(!namespace.has_daemon());
        let lock = namespace.become_daemon().unwrap().unwrap();
        assert!(namespace.has_daemon());
        assert!(namespace.become_daemon().unwrap().is_none());
        drop(lock);
        assert!(!namespace.has_daemon());
    }

    #[test]
    fn who_asks_for_the_daemon_does_not_keep_it_from_starting() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        namespace.make().unwrap();
        let asker = namespace.open(DAEMON_LOCK).unwrap();
        flock(&asker, FlockOperation::LockShared).unwrap();
        let moment = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            drop(asker);
        });
        assert!(namespace.become_daemon().unwrap().is_some());
        moment.join().unwrap();
    }

    #[test]
    fn the_exclusive_lock_excludes_shared_ones() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        namespace.make().unwrap();
        let first = namespace.lock(Access::Shared).unwrap();
        let second = namespace.lock(Access::Shared).unwrap();
        let file = namespace.open("lock").unwrap();
        assert!(flock(&file, FlockOperation::NonBlockingLockExclusive).is_err());
        drop((first, second));
        assert!(flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok());
    }
}
