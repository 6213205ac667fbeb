//! Output that contains keys: a new file of its user alone, or a pipe. No copy of it stays in memory.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use cli::WipedOutput;
use rustix::fs::OFlags;

use crate::Error;

/// Where keys are printed. What is not flushed is not written.
pub struct KeyOutput {
    output: WipedOutput,
    /// The file that was made.
    path: Option<PathBuf>,
}

impl KeyOutput {
    /// Makes a file that its user alone may read, or takes standard output. A file that exists is left alone,
    /// also behind a symbolic link.
    ///
    /// Errors: [`Error::File`]; [`Error::Terminal`] if standard output is one.
    pub fn open(path: Option<&Path>) -> Result<Self, Error> {
        let output = match path {
            Some(path) => {
                let file = create(path);
                WipedOutput::new(
                    file.map_err(|error| Error::File { path: path.to_owned(), error })?,
                )
            }
            None if io::stdout().is_terminal() => return Err(Error::Terminal),
            None => WipedOutput::stdout()?,
        };
        Ok(Self { output, path: path.map(Path::to_owned) })
    }

    /// Removes the file that was made, since it is not whole.
    pub fn discard(mut self) {
        // An error that comes first is the one that is reported.
        let _ = self.path.take().map(fs::remove_file);
    }
}

fn create(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)
}

impl Write for KeyOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

impl Drop for KeyOutput {
    fn drop(&mut self) {
        self.output.abandon();
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
        output.write_all(b"text").unwrap();
        output.flush().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"text");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        symlink("elsewhere", &link).unwrap();
        for taken in [&path, &link] {
            assert!(matches!(KeyOutput::open(Some(taken)), Err(Error::File { .. })));
        }
        output.discard();
        assert!(!path.exists());
    }
}
