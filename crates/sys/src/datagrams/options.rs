//! Options of Unix sockets that no library sets.
#![allow(unsafe_code, reason = "setsockopt(2)")]

use std::os::fd::{AsFd, AsRawFd};

use nix::libc;
use rustix::io::Errno;

use super::errno;

/// Whether descriptors may be sent (asm-generic/socket.h, Linux 6.16).
const SO_PASSRIGHTS: libc::c_int = 83;

/// Prepares a Unix socket for [`Inbox::look`](super::Inbox::look): what was looked at is passed over
/// until it is taken (`SO_PEEK_OFF`, socket(7)).
pub fn look_in_turn(socket: impl AsFd) -> Result<(), Errno> {
    set(socket, libc::SO_PEEK_OFF, 0)
}

/// Has the kernel refuse descriptors (`SCM_RIGHTS`) that are sent to a Unix socket, or to those that a
/// listening one accepts: the last one to close a descriptor may have to wait for as long as its sender
/// has chosen (`SO_LINGER`). Errors: ENOPROTOOPT before Linux 6.16.
pub fn refuse_descriptors(socket: impl AsFd) -> Result<(), Errno> {
    set(socket, SO_PASSRIGHTS, 0)
}

fn set(socket: impl AsFd, option: libc::c_int, value: libc::c_int) -> Result<(), Errno> {
    let socket = socket.as_fd().as_raw_fd();
    let length = 4; // bytes of an int
    // SAFETY: the kernel reads an int, which outlives the call.
    let result = unsafe {
        libc::setsockopt(socket, libc::SOL_SOCKET, option, (&raw const value).cast(), length)
    };
    nix::errno::Errno::result(result).map(drop).map_err(errno)
}
