//! `setsockopt` and `getsockopt`, with the policies of sockets.

use std::{
    ffi::{c_int, c_void},
    slice,
};

use rustix::io::Errno;
use sockpolicy::option::PolicyOption;

use crate::{
    errno::{self, Failed},
    policy, preload,
};

/// The longest value that the kernel takes, a page (`xfrm_user_policy`, net/xfrm/xfrm_state.c).
const LONGEST: libc::socklen_t = 4096;

/// The kernel's own option.
fn is_xfrm(level: c_int, name: c_int) -> bool {
    matches!(
        (level, name),
        (libc::SOL_IP, libc::IP_XFRM_POLICY) | (libc::SOL_IPV6, libc::IPV6_XFRM_POLICY)
    )
}

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
    let option = PolicyOption::of(level, name).filter(|_| !value.is_null() && fd >= 0);
    let Some(option) = option else {
        let result = kernel();
        if result == 0 && (PolicyOption::of(level, name).is_some() || is_xfrm(level, name)) {
            policy::forget(fd);
        }
        return result;
    };
    if length > LONGEST {
        return c_int::failed(Errno::MSGSIZE);
    }
    // SAFETY: there are `length` bytes, as the caller guarantees.
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

/// `getsockopt(2)`, with the policies of AF_KEY: of the direction in the policy at
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
    let is_policy = PolicyOption::of(level, name).is_some() && preload.policies.are_answered();
    if !is_policy || value.is_null() || length.is_null() || fd < 0 {
        // SAFETY: the caller's arguments, as they are.
        return unsafe { preload.next.getsockopt(fd, level, name, value, length) };
    }
    // SAFETY: there is room, and no other reference to it, as the caller guarantees.
    let (room, length) = unsafe {
        let room = (*length).min(LONGEST) as usize;
        (slice::from_raw_parts_mut(value.cast::<u8>(), room), &mut *length)
    };
    match policy::get(fd, room) {
        Ok(written) => {
            *length = written;
            0
        }
        Err(errno) => c_int::failed(errno),
    }
}
