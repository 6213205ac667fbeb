//! The parts of a message that a program sends. None of its pointers is followed here: one that is wrong
//! would end the program, and the kernel reports it.

use std::{io::IoSlice, slice};

use libc::iovec;
use rustix::io::Errno;

use crate::memory;

/// `UIO_MAXIOV` (linux/uio.h).
pub(crate) const MOST_PARTS: usize = 1024;

/// An array of `iovec`, which may be wrong and may change.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    first: *const iovec,
    count: usize,
}

impl Parts {
    /// Those of a call; none: the kernel reports what is wrong with them.
    pub(crate) fn new(first: *const iovec, count: usize) -> Option<Self> {
        let parts = Self { first, count };
        let mut total = 0_usize;
        for part in (count <= MOST_PARTS).then(|| parts.iter())? {
            total = total.checked_add(part.ok()?.iov_len)?;
        }
        isize::try_from(total).is_ok().then_some(parts)
    }

    /// Whether there is a byte in them, or room for one. One that is not there has none.
    pub(crate) fn have_bytes(self) -> bool {
        self.iter().any(|part| part.is_ok_and(|part| part.iov_len != 0))
    }

    /// Each as it is now.
    ///
    /// Errors: EFAULT.
    pub(crate) fn iter(self) -> impl Iterator<Item = Result<iovec, Errno>> {
        (0..self.count).map(move |number| memory::copy(self.first.wrapping_add(number)))
    }

    /// For a system call, whose kernel checks every pointer. Nothing else may look into them.
    pub(crate) fn for_kernel(&self) -> &[IoSlice<'_>] {
        if self.count == 0 {
            return &[];
        }
        // SAFETY: an `IoSlice` is an `iovec`; `new` has read each one, and their memory is not looked at.
        unsafe { slice::from_raw_parts(self.first.cast(), self.count) }
    }
}
