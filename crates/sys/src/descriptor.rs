//! Descriptors that a process is started with.
//!
//! Hand-written because no kept library takes one by its number without `unsafe`: `sd-notify` and
//! `listenfd` return numbers, or take those of `LISTEN_FDS` only. `OwnedFd`s from `sd-notify` would end it.
#![allow(unsafe_code, reason = "a number becomes a descriptor")]

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::{FdFlags, fcntl_setfd};

/// The first number after standard input, output and error.
const FIRST: i32 = 3;

/// Takes a descriptor that this process was started with, and sets its close-on-exec flag. `None` for
/// those of standard input, output and error, and for one that is not open.
///
/// To be called at most once for a number, before the process opens any descriptor itself, and only
/// for a number that the process which started this one has named: the result is closed when it is
/// dropped.
#[must_use]
pub fn inherited(number: i32) -> Option<OwnedFd> {
    if number < FIRST {
        return None;
    }
    // SAFETY: the process that started this one has named it, so no other code of this process owns it;
    // if it is not open, fcntl(2) fails, and it is not used.
    unsafe {
        let file = BorrowedFd::borrow_raw(number);
        fcntl_setfd(file, FdFlags::CLOEXEC).ok()?;
        Some(OwnedFd::from_raw_fd(number))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd, IntoRawFd};

    use rustix::io::fcntl_getfd;

    use super::*;

    #[test]
    fn an_open_number_becomes_a_descriptor_that_closes_on_exec() {
        let file = tempfile::tempfile().unwrap();
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        let number = file.into_raw_fd();
        let file = inherited(number).unwrap();
        assert_eq!(file.as_raw_fd(), number);
        assert_eq!(fcntl_getfd(&file), Ok(FdFlags::CLOEXEC));
        assert!(inherited(2).is_none());
        assert!(inherited(i32::MAX).is_none());
    }
}
