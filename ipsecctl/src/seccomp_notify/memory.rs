//! What the arguments of a call point to.

use std::{fs::File, os::unix::fs::FileExt};

use rustix::{fd::OwnedFd, io::Errno};
use zeroize::Zeroizing;

/// The memory of a process. It stays the one it was opened of, whatever the process executes.
pub struct Memory(File);

/// A piece of memory: where, and how many bytes (`iovec`).
#[derive(Clone, Copy)]
pub struct Piece {
    /// Where it begins.
    pub start: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// The most pieces that a call takes (`UIO_MAXIOV`, linux/uio.h).
const MOST_PIECES: u64 = 1024;

/// Bytes of an `iovec` of 64-bit programs.
const PIECE: usize = 16;

impl From<OwnedFd> for Memory {
    fn from(descriptor: OwnedFd) -> Self {
        Self(File::from(descriptor))
    }
}

impl Memory {
    /// Reads so many bytes. Errors: EFAULT.
    pub fn bytes<const COUNT: usize>(&self, start: u64) -> Result<[u8; COUNT], Errno> {
        let mut bytes = [0; COUNT];
        self.read(&mut bytes, start)?;
        Ok(bytes)
    }

    /// Reads a 64-bit number. Errors: EFAULT.
    pub fn number(&self, start: u64) -> Result<u64, Errno> {
        self.bytes(start).map(u64::from_ne_bytes)
    }

    /// Reads pieces one after the other. They may be keys, so they are wiped at the end.
    ///
    /// Errors: EMSGSIZE if they are more than `most` bytes, EFAULT.
    pub fn gather(&self, pieces: &[Piece], most: usize) -> Result<Zeroizing<Vec<u8>>, Errno> {
        let length = length(pieces)?;
        if length > most {
            return Err(Errno::MSGSIZE);
        }
        let mut bytes = Zeroizing::new(vec![0; length]);
        let mut rest = &mut bytes[..];
        for piece in pieces {
            // Not more than all of them.
            let (room, behind) = rest.split_at_mut(usize::try_from(piece.length).unwrap_or(0));
            self.read(room, piece.start)?;
            rest = behind;
        }
        Ok(bytes)
    }

    /// Reads an array of `iovec`. Errors: `too_many` if they are, EFAULT.
    pub fn pieces(&self, start: u64, count: u64, too_many: Errno) -> Result<Vec<Piece>, Errno> {
        if count > MOST_PIECES {
            return Err(too_many);
        }
        let mut bytes = vec![0; usize::try_from(count).map_err(|_| too_many)? * PIECE];
        self.read(&mut bytes, start)?;
        let (pairs, _) = bytes.as_chunks::<8>();
        let mut numbers = pairs.iter().map(|bytes| u64::from_ne_bytes(*bytes));
        let mut pieces = Vec::new();
        while let (Some(start), Some(length)) = (numbers.next(), numbers.next()) {
            pieces.push(Piece { start, length });
        }
        Ok(pieces)
    }

    /// Writes bytes. Errors: EFAULT.
    pub fn write(&self, bytes: &[u8], start: u64) -> Result<(), Errno> {
        self.0.write_all_at(bytes, start).map_err(|_| Errno::FAULT)
    }

    fn read(&self, bytes: &mut [u8], start: u64) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.0.read_exact_at(bytes, start).map_err(|_| Errno::FAULT)
    }
}

/// How many bytes pieces have together.
///
/// Errors: EINVAL if that is more than calls take (`import_iovec`, lib/iov_iter.c).
pub fn length(pieces: &[Piece]) -> Result<usize, Errno> {
    let sum = pieces.iter().try_fold(0u64, |sum, piece| sum.checked_add(piece.length));
    sum.and_then(|sum| usize::try_from(sum).ok()).ok_or(Errno::INVAL)
}
