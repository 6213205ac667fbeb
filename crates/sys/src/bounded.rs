//! Reading what may be longer than expected, or may never end.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    os::unix::fs::FileTypeExt,
    path::Path,
};

use rustix::fs::{Mode, OFlags, open};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A reader that fails behind its limit. [`io::Take`] ends there, as if nothing followed.
pub struct Bounded<R> {
    inner: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Bounded<R> {
    /// Reads at most `limit` bytes, a whole number of KiB.
    pub fn new(inner: R, limit: u64) -> Self {
        Self { inner, limit, left: limit }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A byte more shows that the limit is passed.
        let most = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(too_large(self.limit)),
        }
        Ok(count)
    }
}

/// Reads a file to its end, which comes after `limit` bytes at most. A FIFO is not waited for, and
/// refused.
///
/// Errors: those of open(2) and read(2); [`ErrorKind::FileTooLarge`]; [`ErrorKind::InvalidInput`].
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    if file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is a FIFO, not a file"));
    }
    read(file, limit)
}

/// Reads to the end, which comes after `limit` bytes at most.
///
/// Errors: those of the reader; [`ErrorKind::FileTooLarge`].
pub fn read(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Bounded::new(reader, limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn too_large(limit: u64) -> io::Error {
    let limit = if limit.is_multiple_of(MIB) {
        format!("{} MiB", limit / MIB)
    } else {
        format!("{} KiB", limit / KIB)
    };
    io::Error::new(ErrorKind::FileTooLarge, format!("it has more than {limit}"))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, mknodat};

    use super::*;

    #[test]
    fn the_limit_is_the_last_byte() {
        let limit = 4 * KIB;
        for size in [0, 1, limit - 1, limit] {
            assert_eq!(read(io::repeat(7).take(size), limit).unwrap().len() as u64, size);
        }
        for endless in [&mut io::repeat(7).take(limit + 1) as &mut dyn Read, &mut io::repeat(7)] {
            let error = read(endless, limit).unwrap_err();
            assert_eq!(
                (error.kind(), error.to_string().as_str()),
                (ErrorKind::FileTooLarge, "it has more than 4 KiB")
            );
        }
    }

    #[test]
    fn a_device_has_no_end_and_a_fifo_is_not_waited_for() {
        let error = read_file(Path::new("/dev/zero"), MIB).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 1 MiB");
        assert_eq!(read_file(Path::new("/dev/null"), MIB).unwrap(), []);
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let error = read_file(&fifo, MIB).unwrap_err();
        assert_eq!(error.to_string(), "it is a FIFO, not a file");
    }
}
