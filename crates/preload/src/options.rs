//! `setsockopt` and `getsockopt`, with the policies of sockets.

use std::{
    ffi::{c_int, c_void},
    slice,
};

use sockpolicy::option::PolicyOption;

use crate::{
    errno::{self, Failed},
    policy, preload,
};

/// `setsockopt(2)`, with the policies of AF_KEY.
///
/// # Safety
///
/// As for setsockopt(2): there are `length` bytes at `value`.
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
    let Some(option) = PolicyOption::of(level, name) else { return kernel() };
    if value.is_null() || fd < 0 {
        return kernel();
    }
    // SAFETY: the caller says so.
    let bytes = unsafe { slice::from_raw_parts(value.cast::<u8>(), length as usize) };
    let kernel = || match kernel() {
        -1 => Err(errno::last()),
        _ => Ok(()),
    };
    match policy::set(&preload.policies, fd, option, bytes, kernel) {
        Ok(()) => 0,
        Err(errno) => c_int::failed(errno),
    }
}

/// `getsockopt(2)`, with the policies of AF_KEY: of the direction in the policy that stands at
/// `value`.
///
/// # Safety
///
/// As for getsockopt(2): there is room for `length` bytes at `value`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    length: *mut libc::socklen_t,
) -> c_int {
    let preload = preload();
    let is_policy = PolicyOption::of(level, name).is_some() && preload.policies.are_kept();
    if !is_policy || value.is_null() || length.is_null() || fd < 0 {
        // SAFETY: the caller's arguments, as they are.
        return unsafe { preload.next.getsockopt(fd, level, name, value, length) };
    }
    // SAFETY: the caller says so, and that nobody else has them.
    let (room, length) =
        unsafe { (slice::from_raw_parts_mut(value.cast::<u8>(), *length as usize), &mut *length) };
    match policy::get(fd, room) {
        Ok(written) => {
            *length = written;
            0
        }
        Err(errno) => c_int::failed(errno),
    }
}
