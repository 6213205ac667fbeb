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

use crate::error::Error;

/// Watches what is kept for the namespace: the commands write the host's variables there.
pub struct Directory {
    path: PathBuf,
    inotify: OwnedFd,
}

impl Directory {
    /// Watches a directory that is there.
    pub fn watch(path: &Path) -> Result<Self, Error> {
        // Not `CLOSE_WRITE`: our own reading of a database would be one.
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
            watch().map_err(|source| Error::Directory { directory: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), inotify })
    }

    /// Whether the file of the variables may have changed since the last time.
    pub fn variables_changed(&self) -> Result<bool, Error> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut changed = false;
        loop {
            match reader.next() {
                Ok(event) if takes_the_lock(&event) => {
                    return Err(Error::Gone { directory: self.path.clone() });
                }
                Ok(event) => changed |= touches_variables(&event),
                Err(Errno::AGAIN) => return Ok(changed),
                Err(Errno::INTR) => {}
                Err(source) => {
                    return Err(Error::Directory { directory: self.path.clone(), source });
                }
            }
        }
    }
}

/// Whether the directory has gone, or the daemon's lock in it. As long as that is open, the kernel
/// does not tell that the directory is deleted.
fn takes_the_lock(event: &Event<'_>) -> bool {
    let lock = || event.file_name().is_some_and(|it| it.to_bytes() == DAEMON_LOCK.as_bytes());
    event.events().intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED)
        || event.events().contains(ReadFlags::DELETE) && lock()
}

fn touches_variables(event: &Event<'_>) -> bool {
    // SQLite's journal is a file beside it.
    let of_variables = |name: &[u8]| name.starts_with(VARIABLES_FILE.as_bytes());
    event.events().contains(ReadFlags::QUEUE_OVERFLOW)
        || event.file_name().is_some_and(|name| of_variables(name.to_bytes()))
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn only_the_variables_count() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::watch(root.path()).unwrap();
        assert!(!directory.variables_changed().unwrap());
        fs::write(root.path().join("store.sqlite"), "1").unwrap();
        assert!(!directory.variables_changed().unwrap());
        fs::write(root.path().join(VARIABLES_FILE), "1").unwrap();
        assert!(directory.variables_changed().unwrap());
        fs::read(root.path().join(VARIABLES_FILE)).unwrap();
        assert!(!directory.variables_changed().unwrap());
        let lock = File::create(root.path().join(DAEMON_LOCK)).unwrap();
        assert!(!directory.variables_changed().unwrap());
        root.close().unwrap();
        assert!(matches!(directory.variables_changed(), Err(Error::Gone { .. })));
        drop(lock);
    }
}
