//! Who owns what is under /run: the user of the daemon. The commands of root make files there as well,
//! which the daemon, without capabilities over files, has to open.
//!
//! The owner of a directory can put links into it. So no symbolic link is followed, and no file is given
//! away that has a second name: it may be another directory's.

use std::{
    io,
    marker::PhantomData,
    os::fd::{AsFd, AsRawFd},
    path::Path,
};

use nix::unistd::{setfsgid, setfsuid};
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chmod, chownat, fstat, lstat,
        open, openat, stat,
    },
    io::Errno,
    path::Arg,
    process::geteuid,
};

/// Gives a file, directory or bound socket that this process has made to the owner of the directory it is in. It stays
/// this process's if that is not root's, or has no CAP_CHOWN.
pub fn give_to_owner_of_directory(path: &Path) {
    let own = geteuid();
    let Some(Ok(directory)) = own.is_root().then(|| path.parent().map(stat)).flatten() else {
        return;
    };
    if directory.st_uid != own.as_raw() {
        let (uid, gid) = (Uid::from_raw(directory.st_uid), Gid::from_raw(directory.st_gid));
        let _ = give(CWD, path, uid, gid);
    }
}

/// Sets the mode of a file, of a directory or of a bound socket, and of nothing that a link leads to.
///
/// Errors: those of open(2) and chmod(2); EOPNOTSUPP for a symbolic link.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    // fchmod(2) takes no descriptor of O_PATH.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty())?;
    Ok(chmod(format!("/proc/self/fd/{}", file.as_raw_fd()), Mode::from_raw_mode(mode))?)
}

/// While this is there, this thread has no other rights over files than the owner of a directory has.
#[derive(Debug)]
pub struct ActingAsOwner {
    uid: nix::unistd::Uid,
    gid: nix::unistd::Gid,
    /// What it ends is of this thread.
    _of_thread: PhantomData<*const ()>,
}

/// Has this thread, if it is root's, act as the owner of a directory, for a library that does what the
/// files there say: SQLite removes the file that a journal names. The owner of the directory above counts
/// first, who can put another in its place. `None` if nothing changes: both are of the user of this
/// process, or this process is not root's.
///
/// Errors: EPERM without CAP_SETUID and CAP_SETGID.
pub fn act_as_owner_of(directory: &Path) -> io::Result<Option<ActingAsOwner>> {
    let own = geteuid();
    let both = directory.parent().into_iter().chain([directory]);
    let other = both.filter_map(|path| lstat(path).ok()).find(|it| it.st_uid != own.as_raw());
    let Some(Stat { st_uid, st_gid, .. }) = other.filter(|_| own.is_root()) else {
        return Ok(None);
    };
    let (uid, gid) = (nix::unistd::Uid::from_raw(st_uid), nix::unistd::Gid::from_raw(st_gid));
    let acting = ActingAsOwner { gid: setfsgid(gid), uid: setfsuid(uid), _of_thread: PhantomData };
    // Neither call reports an error; both return what was in force.
    if (setfsuid(uid), setfsgid(gid)) == (uid, gid) {
        Ok(Some(acting))
    } else {
        Err(Errno::PERM.into())
    }
}

impl Drop for ActingAsOwner {
    fn drop(&mut self) {
        setfsuid(self.uid);
        setfsgid(self.gid);
    }
}

/// Gives a directory and the regular files in it to a user and its group. A socket there may be another program's.
///
/// Errors: those of open(2), read(2) and chown(2); a file that is gone meanwhile is none.
pub fn give_with_files(directory: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let parent = open(directory, flags, Mode::empty())?;
    for entry in Dir::read_from(&parent)? {
        let entry = entry?;
        if entry.file_type() == FileType::RegularFile {
            match give(&parent, entry.file_name(), uid, gid) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    Ok(give(CWD, directory, uid, gid)?)
}

/// The descriptor is one of O_PATH: to close another would release the locks that this process has on
/// the file (fcntl(2)).
fn give(parent: impl AsFd, path: impl Arg, uid: Uid, gid: Gid) -> Result<(), Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(parent, path, flags, Mode::empty())?;
    let Stat { st_nlink, st_mode, st_uid, .. } = fstat(&file)?;
    let may_be_given = match FileType::from_raw_mode(st_mode) {
        FileType::RegularFile | FileType::Socket => st_nlink == 1,
        kind => kind == FileType::Directory,
    };
    if may_be_given && st_uid != uid.as_raw() {
        chownat(&file, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::{
            fs::{MetadataExt, PermissionsExt, symlink},
            net::UnixListener,
        },
    };

    use super::*;

    const OTHER: u32 = 65_534;

    fn owner(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().uid()
    }

    #[test]
    fn a_mode_is_not_that_of_a_link() {
        let root = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| root.path().join(name));
        fs::write(&file, "").unwrap();
        symlink("file", &link).unwrap();
        set_mode(&file, 0o640).unwrap();
        assert!(set_mode(&link, 0o666).is_err());
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
    }

    fn is_root() -> bool {
        let root = geteuid().is_root();
        if !root {
            eprintln!("skipped: only root gives files away");
        }
        root
    }

    #[test]
    fn a_thread_acts_as_the_owner_for_a_time() {
        if !is_root() {
            return;
        }
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
        let directory = root.path().join("1");
        let (secret, new) = (root.path().join("secret"), directory.join("new"));
        assert!(act_as_owner_of(&directory).unwrap().is_none(), "there is none");
        fs::create_dir(&directory).unwrap();
        fs::write(&secret, "").unwrap();
        assert!(act_as_owner_of(&directory).unwrap().is_none(), "it is of this user");
        give_with_files(&directory, OTHER, OTHER).unwrap();
        let acting = act_as_owner_of(&directory).unwrap();
        // One in the other changes nothing, and neither does its end.
        drop(act_as_owner_of(&directory).unwrap());
        fs::write(&new, "").unwrap();
        assert_eq!(fs::remove_file(&secret).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        drop(acting);
        assert_eq!(owner(&new), OTHER);
        fs::remove_file(&secret).unwrap();
    }

    #[test]
    fn a_directory_is_given_with_its_files_and_new_ones() {
        if !is_root() {
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("1");
        fs::create_dir(&directory).unwrap();
        let [file, linked, link, secret] =
            ["file", "linked", "link", "../secret"].map(|name| directory.join(name));
        for path in [&file, &secret] {
            fs::write(path, "").unwrap();
        }
        fs::hard_link(&secret, &linked).unwrap();
        symlink("../secret", &link).unwrap();
        let [socket, new_socket] = ["old.sock", "new.sock"].map(|name| directory.join(name));
        let _old = UnixListener::bind(&socket).unwrap();
        give_with_files(&directory, OTHER, OTHER).unwrap();
        assert_eq!([&directory, &file].map(|path| owner(path)), [OTHER; 2]);
        assert_eq!([&secret, &linked, &link, &socket].map(|path| owner(path)), [0; 4]);

        let new = directory.join("new");
        fs::write(&new, "").unwrap();
        fs::create_dir(directory.join("below")).unwrap();
        let _new = UnixListener::bind(&new_socket).unwrap();
        for made in [&new, &directory.join("below"), &new_socket] {
            give_to_owner_of_directory(made);
            assert_eq!(owner(made), OTHER);
        }

        give_with_files(&directory, 0, 0).unwrap();
        assert_eq!([&directory, &file, &new].map(|path| owner(path)), [0; 3]);
    }
}
