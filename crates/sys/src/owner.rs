//! Who owns what is under /run: the user of the daemon. The commands of root make files there as well,
//! which the daemon, without capabilities over files, has to open.
//!
//! The owner of a directory can put links into it. So no symbolic link is followed, and no file is given
//! away that has a second name: it may be another directory's.

use std::{io, os::fd::AsFd, path::Path};

use rustix::{
    fs::{Dir, FileType, Gid, Mode, OFlags, Stat, Uid, fchown, fstat, open, openat, stat},
    io::Errno,
};

/// Gives a file or directory that this process has just made to the owner of the directory it is in.
/// Without CAP_CHOWN it stays this process's.
pub fn give_to_owner_of_directory(file: impl AsFd, path: &Path) {
    let Some(Ok(directory)) = path.parent().map(stat) else { return };
    let owner = (Uid::from_raw(directory.st_uid), Gid::from_raw(directory.st_gid));
    if fstat(&file).is_ok_and(|made| made.st_uid != directory.st_uid) {
        let _ = fchown(&file, Some(owner.0), Some(owner.1));
    }
}

/// As [`give_to_owner_of_directory`], for a directory that is not open.
pub fn give_directory(path: &Path) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if let Ok(made) = open(path, flags, Mode::empty()) {
        give_to_owner_of_directory(made, path);
    }
}

/// Gives a directory and the regular files in it to a user and its group.
///
/// Errors: those of open(2), read(2) and chown(2); a file that is gone meanwhile is none.
pub fn give_with_files(directory: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let parent = open(directory, flags | OFlags::DIRECTORY, Mode::empty())?;
    for entry in Dir::read_from(&parent)? {
        let entry = entry?;
        if entry.file_type() != FileType::RegularFile {
            continue;
        }
        match openat(&parent, entry.file_name(), flags, Mode::empty()) {
            Ok(file) => give_file(file, uid, gid)?,
            Err(Errno::NOENT | Errno::LOOP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(fchown(parent, Some(uid), Some(gid))?)
}

fn give_file(file: impl AsFd, uid: Uid, gid: Gid) -> Result<(), Errno> {
    let Stat { st_nlink, st_mode, st_uid, .. } = fstat(&file)?;
    let is_regular = FileType::from_raw_mode(st_mode) == FileType::RegularFile;
    if is_regular && st_nlink == 1 && st_uid != uid.as_raw() {
        fchown(&file, Some(uid), Some(gid))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::unix::fs::{MetadataExt, symlink},
    };

    use rustix::process::geteuid;

    use super::*;

    const OTHER: u32 = 65_534;

    fn owner(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().uid()
    }

    fn is_root() -> bool {
        let root = geteuid().is_root();
        if !root {
            eprintln!("skipped: only root gives files away");
        }
        root
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
        give_with_files(&directory, OTHER, OTHER).unwrap();
        assert_eq!([&directory, &file].map(|path| owner(path)), [OTHER; 2]);
        assert_eq!([&secret, &linked, &link].map(|path| owner(path)), [0; 3]);

        let new = directory.join("new");
        give_to_owner_of_directory(File::create_new(&new).unwrap(), &new);
        fs::create_dir(directory.join("below")).unwrap();
        give_directory(&directory.join("below"));
        assert_eq!([&new, &directory.join("below")].map(|path| owner(path)), [OTHER; 2]);

        give_with_files(&directory, 0, 0).unwrap();
        assert_eq!([&directory, &file, &new].map(|path| owner(path)), [0; 3]);
    }
}
