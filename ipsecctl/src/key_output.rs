//! Output that contains keys: a new file of its user alone, or a pipe. No copy of it stays in memory.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, io::fcntl_dupfd_cloexec};
use zeroize::Zeroizing;

use crate::Error;

/// Bytes that are written together. The buffer never grows, which would leave a copy.
const ROOM: usize = 64 << 10;

/// Where keys are printed. What is not flushed is not written.
pub struct KeyOutput {
    file: File,
    buffer: Zeroizing<Vec<u8>>,
    /// The file that was made.
    path: Option<PathBuf>,
}

impl KeyOutput {
    /// Makes a file that its user alone may read, or takes standard output. A file that exists is left alone,
    /// also behind a symbolic link.
    ///
    /// Errors: [`Error::File`]; [`Error::Terminal`] if standard output is one.
    pub fn open(path: Option<&Path>) -> Result<Self, Error> {
        let file = match path {
            Some(path) => {
                create(path).map_err(|error| Error::File { path: path.to_owned(), error })?
            }
            None if io::stdout().is_terminal() => return Err(Error::Terminal),
            // Without the buffer of the library, which is not wiped.
            None => fcntl_dupfd_cloexec(io::stdout().as_fd(), 3).map_err(io::Error::from)?.into(),
        };
        let buffer = Zeroizing::new(Vec::with_capacity(ROOM));
        Ok(Self { file, buffer, path: path.map(Path::to_owned) })
    }

    /// Removes the file that was made, since it is not whole.
    pub fn discard(self) {
        // An error that comes first is the one that is reported.
        let _ = self.path.map(fs::remove_file);
    }
}

fn create(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)
}

impl Write for KeyOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == ROOM {
            self.flush()?;
        }
        let taken = bytes.len().min(ROOM - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.fill(0);
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_new_and_of_its_user_alone() {
        let directory = tempfile::tempdir().unwrap();
        let [path, link] = ["keys", "link"].map(|name| directory.path().join(name));
        let mut output = KeyOutput::open(Some(&path)).unwrap();
        // More than the buffer has room for.
        let text = vec![b'x'; 3 * ROOM + 7];
        output.write_all(&text).unwrap();
        output.flush().unwrap();
        assert_eq!(fs::read(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(output.buffer.capacity() == ROOM && output.buffer.is_empty());
        symlink("elsewhere", &link).unwrap();
        for taken in [&path, &link] {
            assert!(matches!(KeyOutput::open(Some(taken)), Err(Error::File { .. })));
        }
        output.discard();
        assert!(!path.exists());
    }
}
