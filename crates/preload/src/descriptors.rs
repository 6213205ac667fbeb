//! The descriptors of this process.

use std::{ffi::c_int, io::Write, mem::MaybeUninit};

use rustix::{
    fd::{AsRawFd, BorrowedFd},
    fs::{Mode, OFlags, RawDir, open},
    io::{Errno, fcntl_getfd},
    process::{Resource, getrlimit},
};

/// How many numbers are tried where there is no /proc.
const MOST: u64 = 1 << 16;

/// A descriptor by its number.
pub(crate) fn borrow(fd: c_int) -> Option<BorrowedFd<'static>> {
    // SAFETY: the number is not -1. The program, which has given it to a function of the C
    // library, keeps it open as long as that runs; if not, the calls fail.
    (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) })
}

/// Calls for each that is open. Allocates nothing.
pub(crate) fn each(with: &mut dyn FnMut(c_int)) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(directory) = open("/proc/self/fd", flags, Mode::empty()) else {
        return each_number(with);
    };
    let mut room = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(&directory, &mut room);
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name().to_str().ok();
        match name.and_then(|name| name.parse().ok()) {
            Some(fd) if fd != directory.as_raw_fd() => with(fd),
            _ => {}
        }
    }
}

/// In a changed root there may be no /proc.
fn each_number(with: &mut dyn FnMut(c_int)) {
    let most = getrlimit(Resource::Nofile).current.unwrap_or(MOST).min(MOST);
    for fd in 0..c_int::try_from(most).unwrap_or(0) {
        if borrow(fd).is_some_and(|descriptor| fcntl_getfd(descriptor).is_ok()) {
            with(fd);
        }
    }
}

/// Makes `/proc/self/WHAT/FD`.
pub(crate) fn path<'room>(
    room: &'room mut [u8; 64],
    what: &str,
    fd: c_int,
) -> Result<&'room [u8], Errno> {
    let mut rest = &mut room[..];
    write!(rest, "/proc/self/{what}/{fd}").map_err(|_| Errno::NAMETOOLONG)?;
    let unused = rest.len();
    Ok(&room[..room.len() - unused])
}
