//! How functions of the C library fail.

use std::{ffi::c_int, io};

use rustix::io::Errno;

/// What a function returns.
pub(crate) trait Failed: Sized {
    /// Sets errno, and returns -1.
    fn failed(errno: Errno) -> Self;
}

impl Failed for c_int {
    fn failed(errno: Errno) -> Self {
        set(errno);
        -1
    }
}

impl Failed for isize {
    fn failed(errno: Errno) -> Self {
        set(errno);
        -1
    }
}

/// What the caller is to get for how much was sent or received.
pub(crate) fn returned(result: Result<usize, Errno>) -> isize {
    match result {
        Ok(length) => length.cast_signed(),
        Err(errno) => isize::failed(errno),
    }
}

/// Why the last function of this thread has failed.
pub(crate) fn last() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

fn set(errno: Errno) {
    // SAFETY: the C library has an errno for each thread, which lives as long as it.
    unsafe { *libc::__errno_location() = errno.raw_os_error() };
}
