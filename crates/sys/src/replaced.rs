//! Files that a new one takes the place of by rename(2).

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::FileTypeExt,
    path::Path,
};

/// Refuses what a file must not take the place of: a device, as `/dev/null`, a FIFO, a socket. A file and
/// a link are replaced, and what a link leads to is not looked at.
///
/// Errors: [`ErrorKind::InvalidInput`].
pub fn refuse_special(path: &Path) -> io::Result<()> {
    let Ok(kind) = fs::symlink_metadata(path).map(|there| there.file_type()) else { return Ok(()) };
    if kind.is_char_device() || kind.is_block_device() || kind.is_fifo() || kind.is_socket() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file, and is not replaced"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

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
            assert!(refuse_special(path).is_ok(), "{}", path.display());
        }
        for path in [&socket, Path::new("/dev/null")] {
            assert!(refuse_special(path).is_err(), "{}", path.display());
        }
    }
}
