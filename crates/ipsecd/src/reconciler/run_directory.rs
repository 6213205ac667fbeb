use std::{
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use engine::{DAEMON_LOCK, VARIABLES_FILE};
use rustix::{
    fs::inotify::{self, CreateFlags, Event, ReadFlags, Reader, WatchFlags},
    io::Errno,
};

use crate::Error;

/// The run directory of the network namespace, watched by inotify(7): the commands write the host's variables there, and
/// the daemon's lock is there.
pub(crate) struct RunDirectory {
    path: PathBuf,
    inotify: OwnedFd,
}

impl RunDirectory {
    /// Watches a directory, which must exist.
    pub(crate) fn watch(path: &Path) -> Result<Self, Error> {
        // The commands replace the file by rename(2).
        let flags = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let watch = || {
            let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            inotify::add_watch(&inotify, path, flags)?;
            Ok(inotify)
        };
        let inotify =
            watch().map_err(|source| Error::Watch { directory: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), inotify })
    }

    /// Whether the file of the variables may have changed since the last call.
    ///
    /// Errors: [`Error::LockDeleted`], [`Error::Watch`].
    pub(crate) fn variables_changed(&self) -> Result<bool, Error> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut changed = false;
        loop {
            match reader.next() {
                Ok(event) if removes_lock(&event) => {
                    return Err(Error::LockDeleted { directory: self.path.clone() });
                }
                Ok(event) => changed |= touches_variables(&event),
                Err(Errno::AGAIN) => return Ok(changed),
                Err(Errno::INTR) => {}
                Err(source) => {
                    return Err(Error::Watch { directory: self.path.clone(), source });
                }
            }
        }
    }
}

/// Whether the directory or the daemon's lock in it was deleted. While the lock is open, the kernel does not report the
/// deletion of the directory.
fn removes_lock(event: &Event<'_>) -> bool {
    let lock = || event.file_name().is_some_and(|name| name.to_bytes() == DAEMON_LOCK.as_bytes());
    event.events().intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED)
        || event.events().contains(ReadFlags::DELETE) && lock()
}

fn touches_variables(event: &Event<'_>) -> bool {
    event.events().contains(ReadFlags::QUEUE_OVERFLOW)
        || event.file_name().is_some_and(|name| name.to_bytes() == VARIABLES_FILE.as_bytes())
}

impl AsFd for RunDirectory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn only_changes_of_the_variables_are_reported() {
        let root = tempfile::tempdir().unwrap();
        let directory = RunDirectory::watch(root.path()).unwrap();
        assert!(!directory.variables_changed().unwrap());
        fs::write(root.path().join("store.sqlite"), "1").unwrap();
        assert!(!directory.variables_changed().unwrap());
        let new = root.path().join("new");
        for text in ["1", "2"] {
            fs::write(&new, text).unwrap();
            assert!(!directory.variables_changed().unwrap());
            fs::rename(&new, root.path().join(VARIABLES_FILE)).unwrap();
            assert!(directory.variables_changed().unwrap());
        }
        fs::read(root.path().join(VARIABLES_FILE)).unwrap();
        assert!(!directory.variables_changed().unwrap());
        let lock = File::create(root.path().join(DAEMON_LOCK)).unwrap();
        assert!(!directory.variables_changed().unwrap());
        root.close().unwrap();
        assert!(matches!(directory.variables_changed(), Err(Error::LockDeleted { .. })));
        drop(lock);
    }
}
