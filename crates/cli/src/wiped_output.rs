//! Output in large pieces, of which no copy stays in memory: keys are printed.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
};

use rustix::io::fcntl_dupfd_cloexec;
use sys::memory::wipe;
use zeroize::Zeroizing;

/// Bytes that are written together. The buffer never grows.
const ROOM: usize = 64 << 10;

/// A file with a buffer that is wiped as it is written. It is written in the end too, if it was not.
pub struct WipedOutput {
    file: File,
    buffer: Zeroizing<Vec<u8>>,
}

impl WipedOutput {
    /// Output to a file.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self { file, buffer: Zeroizing::new(Vec::with_capacity(ROOM)) }
    }

    /// Standard output, without the buffer of the library, which is not wiped.
    ///
    /// Errors: those of fcntl(2).
    pub fn stdout() -> io::Result<Self> {
        let file = fcntl_dupfd_cloexec(io::stdout().as_fd(), 3)?;
        Ok(Self::new(file.into()))
    }

    /// Forgets what was not written.
    pub fn abandon(&mut self) {
        wipe(&mut self.buffer);
        self.buffer.clear();
    }
}

impl Write for WipedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == ROOM {
            self.flush()?;
        }
        let taken = bytes.len().min(ROOM - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.buffer);
        self.abandon();
        written
    }
}

impl Drop for WipedOutput {
    fn drop(&mut self) {
        // As every buffered writer of the library: an error has no place to be returned.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn all_is_written_and_the_buffer_is_wiped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("output");
        let mut output = WipedOutput::new(File::create(&path).unwrap());
        let text = vec![b'x'; 3 * ROOM + 7];
        output.write_all(&text).unwrap();
        output.flush().unwrap();
        assert_eq!(fs::read(&path).unwrap(), text);
        assert_eq!((output.buffer.len(), output.buffer.capacity()), (0, ROOM));
        output.write_all(b"more").unwrap();
        drop(output);
        assert_eq!(fs::metadata(&path).unwrap().len(), text.len() as u64 + 4);
        let mut output = WipedOutput::new(File::create(&path).unwrap());
        output.write_all(b"never").unwrap();
        output.abandon();
        drop(output);
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
