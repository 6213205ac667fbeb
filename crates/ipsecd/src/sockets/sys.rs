//! What no library asks of a Unix socket.
#![allow(unsafe_code, reason = "getsockopt(2)")]

use std::{io, os::fd::AsRawFd};

use rustix::{
    fd::{BorrowedFd, FromRawFd, OwnedFd},
    io::Errno,
};

/// asm-generic/socket.h, Linux 6.5.
const SO_PEERPIDFD: libc::c_int = 77;

/// As many groups as a process can have (`NGROUPS_MAX`, linux/limits.h).
const MOST_GROUPS: usize = 65536;

/// The supplementary groups of whoever has connected (Linux 4.13).
pub(crate) fn peer_groups(socket: BorrowedFd<'_>) -> Result<Vec<u32>, Errno> {
    let mut groups = vec![0_u32; 64];
    loop {
        match option(socket, libc::SO_PEERGROUPS, &mut groups) {
            Ok(size) => {
                groups.truncate(size / size_of::<u32>());
                return Ok(groups);
            }
            Err(Errno::RANGE) if groups.len() < MOST_GROUPS => groups.resize(MOST_GROUPS, 0),
            Err(errno) => return Err(errno),
        }
    }
}

/// The process that has connected, whatever its number has come to mean.
pub(crate) fn peer_process(socket: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let mut descriptor = [0_u32];
    option(socket, SO_PEERPIDFD, &mut descriptor)?;
    // SAFETY: the kernel has made the descriptor for this call, closed on exec.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor[0].cast_signed()) })
}

/// An option of the socket level, and how many bytes of the value it has.
fn option(socket: BorrowedFd<'_>, name: libc::c_int, value: &mut [u32]) -> Result<usize, Errno> {
    let mut size = libc::socklen_t::try_from(size_of_val(value)).map_err(|_| Errno::INVAL)?;
    // SAFETY: the kernel writes at most `size` bytes to `value`, and both outlive the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            value.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    match result {
        0 => Ok(size as usize),
        _ => Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}
