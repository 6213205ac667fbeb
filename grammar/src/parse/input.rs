use std::io::{ErrorKind, Read, Result};

use zeroize::{Zeroize, Zeroizing};

const CAPACITY: usize = 16 * 1024;

/// A reader with a buffer that can be seen. Keys go through it: bytes are wiped as they are consumed, since the next may
/// be long in coming.
pub(crate) struct WipedReader<R> {
    reader: R,
    buffer: Zeroizing<Vec<u8>>,
    next: usize,
    filled: usize,
}

impl<R: Read> WipedReader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: Zeroizing::new(vec![0; CAPACITY]), next: 0, filled: 0 }
    }

    /// What is there without reading.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer[self.next..self.filled]
    }

    /// What is there, after a read if there was nothing; empty at the end.
    pub(crate) fn fill(&mut self) -> Result<&[u8]> {
        while self.next == self.filled {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return Ok(&[]),
                Ok(filled) => (self.next, self.filled) = (0, filled.min(CAPACITY)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.buffered())
    }

    /// Drops the first `bytes` of what is there.
    pub(crate) fn consume(&mut self, bytes: usize) {
        let end = (self.next + bytes).min(self.filled);
        self.buffer[self.next..end].zeroize();
        self.next = end;
    }
}
