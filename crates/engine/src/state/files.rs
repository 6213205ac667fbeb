//! Files beside the kernel: made with their modes whatever the umask, and moved aside when they are damaged.

use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, mknodat, open},
    io::Errno,
};
use sys::{
    owner::give_to_owner_of_directory,
    replaced::{beside, replace_as_only_writer},
};
use tracing::warn;

/// Reports that are remembered, so that none is repeated.
const MAX_REPORTED: usize = 1024;

/// For root.
pub(crate) const PRIVATE: u32 = 0o600;
/// For every user to read.
pub(crate) const READABLE: u32 = 0o644;

/// Which file a path names: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId(u64, u64);

impl FileId {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|file| Self(file.dev(), file.ino()))
    }
}

/// Opens a file to lock it, or makes it. To read is enough for flock(2), and possible where the file
/// system is read-only. A FIFO in its place is not waited for.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    open_private(path, OFlags::RDONLY)
}

/// Opens a file that is there, to see whether it is locked. As [`open_lock`], waits for nothing.
pub(crate) fn open_existing(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(open(path, flags, Mode::empty())?.into())
}

/// Opens a file, or makes it so that no other user but the daemon's can open it at any time.
pub(crate) fn open_private(path: &Path, access: OFlags) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = open(path, access | flags, Mode::from_raw_mode(PRIVATE))?;
    give_to_owner_of_directory(path);
    Ok(file.into())
}

/// Makes an empty file that no other user can open at any time, if there is none. It is not opened:
/// to close it would release the locks that SQLite has on it in this process (fcntl(2)).
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    let mode = Mode::from_raw_mode(PRIVATE);
    match mknodat(CWD, path, FileType::RegularFile, mode, 0) {
        Err(Errno::EXIST) => return Ok(()),
        result => result?,
    }
    give_to_owner_of_directory(path);
    Ok(())
}

/// Moves a damaged file aside, unless another process has done so. Reports it. Returns whether its
/// place is free.
pub(crate) fn move_aside(path: &Path, damaged: FileId, reason: &dyn fmt::Display) -> bool {
    if FileId::of(path).ok() != Some(damaged) {
        return true;
    }
    let aside = beside(path, ".damaged");
    report_aside(path, &aside, &fs::rename(path, &aside), reason)
}

/// Keeps what a damaged file contained, which is written again in place. Reports it.
pub(crate) fn copy_aside(path: &Path, bytes: &[u8], reason: &dyn fmt::Display) {
    let aside = beside(path, ".damaged");
    report_aside(path, &aside, &replace_as_only_writer(&aside, bytes, PRIVATE), reason);
}

/// Returns whether the damaged file is kept aside.
fn report_aside(
    path: &Path,
    aside: &Path,
    kept: &io::Result<()>,
    reason: &dyn fmt::Display,
) -> bool {
    match kept {
        Ok(()) => {
            warn!(file = %path.display(), moved_to = %aside.display(), %reason, "damaged file");
        }
        Err(error) => {
            warn_once(path, &format_args!("{reason}; it cannot be moved aside: {error}"));
        }
    }
    kept.is_ok()
}

/// Reports that a file cannot be used, once for each file.
pub(crate) fn warn_once(path: &Path, reason: &dyn fmt::Display) {
    if is_new(path, String::new()) {
        warn!(file = %path.display(), %reason, "file not used");
    }
}

/// A setting in a file that is not used.
pub(crate) struct UnusedSetting<'a> {
    /// From 1; `None` if the file has no lines.
    pub(crate) line: Option<usize>,
    pub(crate) text: &'a str,
    pub(crate) reason: &'a str,
    /// What is in force.
    pub(crate) instead: &'a str,
}

/// Reports a setting that is not used, once.
pub(crate) fn warn_setting_once(path: &Path, setting: &UnusedSetting<'_>) {
    let &UnusedSetting { line, text, reason, instead } = setting;
    if is_new(path, format!("{line:?}: {text}")) {
        warn!(file = %path.display(), line, setting = ?text, reason, instead, "setting not used");
    }
}

/// Whether a file and a part of it were not reported yet.
fn is_new(path: &Path, part: String) -> bool {
    static REPORTED: Mutex<BTreeSet<(PathBuf, String)>> = Mutex::new(BTreeSet::new());
    let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
    if reported.len() >= MAX_REPORTED {
        reported.clear();
    }
    reported.insert((path.to_owned(), part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_lock_is_roots_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        drop(open_lock(&path).unwrap());
        assert_eq!(mode(&path), 0o600);
        std::os::unix::fs::symlink("lock", root.path().join("link")).unwrap();
        assert!(open_lock(&root.path().join("link")).is_err());
    }

    #[test]
    fn only_the_damaged_file_is_moved() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "damaged").unwrap();
        let damaged = FileId::of(&path).unwrap();
        assert!(move_aside(&path, damaged, &"a reason"));
        fs::write(&path, "made by another process").unwrap();
        assert!(move_aside(&path, damaged, &"a reason"));
        assert!(path.exists());
        assert_eq!(fs::read_to_string(root.path().join("file.damaged")).unwrap(), "damaged");
    }
}
