use std::{
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use sys::{netns, run};

use super::{
    files, gone,
    lock::{self, Access, Lock},
};
use crate::{Error, RUN_DIRECTORY};

/// The file in a namespace's directory that its daemon locks.
pub const DAEMON_LOCK: &str = "ipsecd.lock";

/// The file that `apply` locks, and the process that undoes what a killed one leaves.
const APPLY_LOCK: &str = "apply.lock";

/// The files of a directory that programs lock for more than a moment.
const LOCKS: [&str; 4] = ["lock", "lock.queue", DAEMON_LOCK, APPLY_LOCK];

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

    /// Makes the directory, if it is not there. Removes those of namespaces that are gone then.
    ///
    /// Errors: [`Error::Run`].
    pub fn make(&self) -> Result<(), Error> {
        let made = run::make_directory(&self.directory);
        if made.map_err(|source| Error::run(&self.directory, source))? {
            gone::remove_gone(&self.directory, &LOCKS);
        }
        Ok(())
    }

    /// Waits for the right to change the SPD and what is kept beside it. `None` where that cannot be
    /// locked: there is nothing, or this process may not open root's files (CAP_NET_ADMIN alone does
    /// not). Any other reason is reported.
    ///
    /// Errors: [`Error::Locked`] after ten seconds.
    pub(crate) fn lock(&self, access: Access) -> Result<Option<Lock>, Error> {
        self.lock_within(access, lock::LIMIT)
    }

    /// As [`Namespace::lock`], after this time at most.
    pub(crate) fn lock_within(
        &self,
        access: Access,
        limit: Duration,
    ) -> Result<Option<Lock>, Error> {
        unless_there_is_none(self.require_lock(access, limit))
    }

    /// Waits for the right to carry out a plan: none is made of tables that another process is about to change, or to
    /// undo. `None` where that cannot be locked: there is nothing, or this process may not open root's files.
    ///
    /// Errors: [`Error::Locked`] after ten seconds.
    pub fn lock_plan(&self) -> Result<Option<Lock>, Error> {
        let path = self.directory.join(APPLY_LOCK);
        let open = || {
            self.make()?;
            files::open_lock(&path).map_err(|source| Error::run(&path, source))
        };
        let locked = open().and_then(|file| {
            lock::wait_exclusive(&file, &path, lock::LIMIT)?;
            Ok(Lock::new(file))
        });
        unless_there_is_none(locked)
    }

    /// As [`Namespace::lock_within`]; it is an error that there is no lock.
    ///
    /// Errors: [`Error::Locked`], [`Error::Run`].
    pub(crate) fn require_lock(&self, access: Access, limit: Duration) -> Result<Lock, Error> {
        let open = |name| {
            let path = self.directory.join(name);
            files::open_lock(&path).map_err(|source| Error::run(&path, source))
        };
        let (queue, file) = (open("lock.queue")?, open("lock")?);
        Lock::wait(&queue, file, &self.directory.join("lock"), access, limit)
    }

    /// Becomes the daemon of this namespace, until the lock is dropped; `None` if there is one.
    ///
    /// Errors: [`Error::Run`].
    pub fn become_daemon(&self) -> Result<Option<Lock>, Error> {
        self.make()?;
        gone::remove_gone(&self.directory, &LOCKS);
        let path = self.directory.join(DAEMON_LOCK);
        let failed = |source| Error::run(&path, source);
        let file = files::open_lock(&path).map_err(failed)?;
        let (tries, pause) = TRIES;
        for _ in 0..tries {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Lock::new(file))),
                Err(rustix::io::Errno::WOULDBLOCK) => thread::sleep(pause),
                Err(error) => return Err(failed(error.into())),
            }
        }
        Ok(None)
    }

    /// Whether a daemon watches what happens here.
    #[must_use]
    pub fn has_daemon(&self) -> bool {
        let Ok(file) = files::open_existing(&self.directory.join(DAEMON_LOCK)) else {
            return false;
        };
        flock(&file, FlockOperation::NonBlockingLockShared).is_err()
    }
}

/// `None` where a file cannot be locked; reported, unless it is absent or root's.
fn unless_there_is_none(locked: Result<Lock, Error>) -> Result<Option<Lock>, Error> {
    use io::ErrorKind::{NotFound, PermissionDenied};
    match locked {
        Err(Error::Run { path, source }) => {
            if !matches!(source.kind(), NotFound | PermissionDenied) {
                files::warn_once(&path, &source);
            }
            Ok(None)
        }
        lock => lock.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

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
        let asker = files::open_lock(&namespace.directory.join(DAEMON_LOCK)).unwrap();
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
        let first = namespace.lock(Access::Shared).unwrap().unwrap();
        let second = namespace.lock(Access::Shared).unwrap().unwrap();
        let file = File::open(namespace.directory.join("lock")).unwrap();
        assert!(flock(&file, FlockOperation::NonBlockingLockExclusive).is_err());
        drop((first, second));
        assert!(flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok());
    }

    #[test]
    fn where_nothing_is_kept_nothing_is_locked() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        assert!(namespace.lock(Access::Shared).unwrap().is_none());
        assert!(!namespace.directory().exists());
    }
}
