//! Files that a new one takes the place of by rename(2): a reader has the old bytes or the new ones.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::owner::give_to_owner_of_directory;

/// Replaces a file, or makes one, with the permissions `mode` less those of the umask. A link is replaced, and not
/// followed.
///
/// Errors: [`ErrorKind::InvalidInput`] for a device, a FIFO and a socket; those of open(2), write(2) and
/// rename(2). The old file stays then.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    written_beside(path, bytes, mode)?.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The same; the new file is on the disk when this returns.
///
/// Errors: those of [`replace`], and of fsync(2).
pub fn replace_on_disk(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let file = written_beside(path, bytes, mode)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory_of(path))?.sync_all()
}

/// Replaces a file under `/run`, or makes one, with the permissions `mode` whatever the umask. It is given to the
/// owner of the directory. The caller is the only writer: what one that was killed has left is removed.
///
/// Errors: those of open(2), write(2) and rename(2). The old file stays then.
pub fn replace_as_only_writer(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let new = beside(path, ".new");
    let written = write_new(&new, bytes, mode).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // The first failure is the one to report.
        let _ = fs::remove_file(&new);
    }
    written
}

/// The path with more at its end.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Removes a file, if it is there.
///
/// Errors: those of unlink(2).
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file in the directory of `path`, which is removed unless it takes the place of `path`.
fn written_beside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    refuse_special(path)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".new-").permissions(Permissions::from_mode(mode));
    let mut file = builder.tempfile_in(directory_of(path))?;
    file.write_all(bytes)?;
    Ok(file)
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// Refuses what a file must not take the place of: a device, as `/dev/null`, a FIFO, a socket. What a link leads to is
/// not looked at.
fn refuse_special(path: &Path) -> io::Result<()> {
    let Ok(kind) = fs::symlink_metadata(path).map(|there| there.file_type()) else { return Ok(()) };
    if kind.is_char_device() || kind.is_block_device() || kind.is_fifo() || kind.is_socket() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file, and is not replaced"));
    }
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    remove(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    give_to_owner_of_directory(path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::{
        fs::{MetadataExt, symlink},
        net::UnixListener,
    };

    use super::*;

    #[test]
    fn a_device_is_not_replaced() {
        let root = tempfile::tempdir().unwrap();
        let [absent, file, link, socket] =
            ["absent", "file", "link", "socket"].map(|name| root.path().join(name));
        fs::write(&file, "").unwrap();
        symlink("/dev/null", &link).unwrap();
        let _socket = UnixListener::bind(&socket).unwrap();
        for path in [&absent, &file, &link] {
            for replace in [replace, replace_on_disk] {
                replace(path, b"new", 0o600).unwrap();
                let metadata = fs::symlink_metadata(path).unwrap();
                assert!(metadata.is_file(), "{}", path.display());
                assert_eq!(metadata.mode() & 0o777, 0o600);
                assert_eq!(fs::read(path).unwrap(), b"new");
            }
        }
        for path in [&socket, Path::new("/dev/null")] {
            for replace in [replace, replace_on_disk] {
                assert!(replace(path, b"new", 0o600).is_err(), "{}", path.display());
            }
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 4);
    }

    #[test]
    fn a_file_is_replaced_with_its_mode() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(root.path().join("file.new"), "left by a process that was killed").unwrap();
        let inode = |path: &Path| fs::symlink_metadata(path).ok().map(|file| file.ino());
        for text in ["one", "two"] {
            let before = inode(&path);
            replace_as_only_writer(&path, text.as_bytes(), 0o644).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
            assert_ne!(inode(&path), before);
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        let directory = root.path().join("directory");
        fs::create_dir(&directory).unwrap();
        assert!(replace_as_only_writer(&directory, b"", 0o644).is_err());
        assert!(!root.path().join("directory.new").exists());
    }
}
