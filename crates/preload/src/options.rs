//! `setsockopt` and `getsockopt`, with the policies of sockets.

use std::ffi::{c_int, c_void};

use rustix::{fd::BorrowedFd, io::Errno};
use sockpolicy::{
    Error, IpSocket,
    option::{self, HEADER, LONGEST, OptionChange, OptionSettings, PolicyOption, SetOptionResult},
};

use crate::{
    descriptors,
    errno::{self, Failed},
    memory, policy_cache, preload,
};

/// `setsockopt(2)`, with the policies of AF_KEY.
///
/// # Safety
///
/// As for setsockopt(2). A wrong pointer is reported, as by the kernel.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    length: libc::socklen_t,
) -> c_int {
    let preload = preload();
    // SAFETY: the caller's arguments, as they are.
    let kernel = || unsafe { preload.next.setsockopt(fd, level, name, value, length) };
    let option = PolicyOption::of(level, name);
    let is_policy = option.is_some() || option::is_xfrm_policy(level, name);
    if is_policy {
        preload.ignored[1].name();
    }
    let socket = descriptors::borrow(fd).filter(|_| is_policy && preload.policies.are_answered());
    let Some(socket) = socket else { return kernel() };
    let kernel = || match kernel() {
        -1 => Err(errno::last()),
        _ => Ok(()),
    };
    let value = (!value.is_null() || length != 0).then_some((value, length.cast_signed()));
    let result = match (value, option) {
        // The kernel removes the policies of both directions.
        (None, _) => kernel().map(|()| OptionChange::Cleared),
        (Some(value), Some(option)) => set(&preload.policies, socket, option, value, kernel),
        (Some(value), None) => kernel().map(|()| by_kernel(value)),
    };
    match result {
        Ok(change) => {
            if let Ok(cookie) = IpSocket::of(&socket).and_then(IpSocket::cookie) {
                policy_cache::store(cookie, &change);
            }
            0
        }
        Err(errno) => c_int::failed(errno),
    }
}

/// Sets a policy; `kernel` is the call as it was made.
fn set(
    settings: &OptionSettings,
    socket: BorrowedFd<'_>,
    option: PolicyOption,
    (value, length): (*const c_void, c_int),
    kernel: impl FnOnce() -> Result<(), Errno>,
) -> Result<OptionChange, Errno> {
    // The kernel refuses the option for what is no socket or of another family.
    if matches!(IpSocket::of(&socket), Err(Error::NotInet)) {
        return kernel().map(|()| OptionChange::Unknown);
    }
    let mut room = [0; LONGEST];
    let bytes = &mut room[..option::length(length)?];
    memory::read(value, bytes)?;
    match settings.set(socket, option, bytes) {
        SetOptionResult::Refused(errno) => return Err(errno),
        SetOptionResult::Kernel => kernel()?,
        SetOptionResult::Set => {}
    }
    Ok(OptionChange::by_ipsec_policy(bytes))
}

/// What the kernel's own option has changed.
fn by_kernel((value, length): (*const c_void, c_int)) -> OptionChange {
    let mut room = [0; LONGEST];
    let read = option::length(length).and_then(|length| {
        let bytes = &mut room[..length];
        memory::read(value, bytes).map(|()| OptionChange::by_xfrm_policy(bytes))
    });
    read.unwrap_or(OptionChange::Unknown)
}

/// `getsockopt(2)`, with the policies of AF_KEY: of the direction in the policy at
/// `value`.
///
/// # Safety
///
/// As for getsockopt(2). A wrong pointer is reported, as by the kernel.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    length: *mut libc::socklen_t,
) -> c_int {
    let preload = preload();
    let is_policy = PolicyOption::of(level, name).is_some() && preload.policies.are_answered();
    let socket = descriptors::borrow(fd).filter(|_| is_policy);
    let is_inet = |socket: &BorrowedFd<'_>| !matches!(IpSocket::of(socket), Err(Error::NotInet));
    match socket.filter(is_inet) {
        // SAFETY: the caller's arguments, as they are.
        None => unsafe { preload.next.getsockopt(fd, level, name, value, length) },
        Some(socket) => match get(socket, value, length) {
            Ok(()) => 0,
            Err(errno) => c_int::failed(errno),
        },
    }
}

/// Writes the policy, cut to the room that the program has, and its length.
fn get(
    socket: BorrowedFd<'_>,
    value: *mut c_void,
    length: *mut libc::socklen_t,
) -> Result<(), Errno> {
    let mut bytes = [0; size_of::<c_int>()];
    memory::read(length.cast(), &mut bytes)?;
    let room = usize::try_from(c_int::from_ne_bytes(bytes)).map_err(|_| Errno::INVAL)?;
    let mut query = [0; HEADER];
    let query = &mut query[..room.min(HEADER)];
    memory::read(value, query)?;
    let socket = IpSocket::of(&socket).map_err(|error| error.errno())?;
    let policy = option::value(socket, query, policy_cache::stored)?;
    let policy = &policy[..room.min(policy.len())];
    memory::write(policy, value)?;
    let written = c_int::try_from(policy.len()).map_err(|_| Errno::INVAL)?;
    memory::write(&written.to_ne_bytes(), length.cast())
}
