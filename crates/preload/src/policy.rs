//! `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY` of this process: as `sockpolicy::option` answers them.

use std::ffi::c_int;

use rustix::{fd::BorrowedFd, io::Errno};
use sockpolicy::{
    Socket,
    option::{self, Answer, PolicyOption, Settings},
};

use crate::{descriptors, policy_cache};

/// Sets a policy; `kernel` is the call as it was made.
pub(crate) fn set(
    settings: &Settings,
    fd: c_int,
    option: PolicyOption,
    value: &[u8],
    kernel: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    // SAFETY: the descriptor is open as long as the program leaves it alone during the call.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    match settings.set(socket, option, value) {
        Answer::Refused(errno) => return Err(errno),
        Answer::Kernel => {
            kernel()?;
            if !settings.are_answered() {
                return Ok(());
            }
        }
        Answer::Set => {}
    }
    if let Ok((cookie, direction)) = option::key(socket, value) {
        policy_cache::keep(cookie, direction, value);
    }
    Ok(())
}

/// A call that the kernel alone has answered may have changed policies: without a value, those of this
/// option are taken away, and of its own option nothing is known here.
pub(crate) fn forget(fd: c_int) {
    if let Some(socket) = descriptors::borrow(fd)
        && let Ok(cookie) = Socket::of(&socket).and_then(Socket::cookie)
    {
        policy_cache::forget(cookie);
    }
}

/// Writes the policy of the direction that the policy in `room` has; how much was written.
pub(crate) fn get(fd: c_int, room: &mut [u8]) -> Result<libc::socklen_t, Errno> {
    // SAFETY: as above.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    let length = option::value(socket, room, policy_cache::policy)?;
    libc::socklen_t::try_from(length).map_err(|_| Errno::INVAL)
}
