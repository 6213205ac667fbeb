//! The functions that send. What glibc calls within itself (`__send`, `__write`; stdio does) is not
//! reached.

use std::{
    ffi::{c_int, c_void},
    io::IoSlice,
    ptr, slice,
};

use libc::{iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t};
use rustix::io::Errno;

use crate::{
    clients,
    deliver::deliver,
    errno::{Failed, returned},
    preload,
};

/// `UIO_MAXIOV` (linux/uio.h).
const MOST_PARTS: usize = 1024;

fn is_ours(fd: c_int) -> bool {
    clients::any() && clients::of(fd).is_some()
}

/// The parts of a message; none: the kernel reports what is wrong with them.
///
/// # Safety
///
/// As for writev(2): the parts are there as long as the result is used.
unsafe fn parts<'message>(
    first: *const iovec,
    count: usize,
) -> Option<&'message [IoSlice<'message>]> {
    match count {
        0 => Some(&[]),
        1..=MOST_PARTS if !first.is_null() => {
            // SAFETY: the caller's. An `IoSlice` is an `iovec`, whose memory is only read here.
            let parts = unsafe { slice::from_raw_parts(first, count) };
            let mut total = 0_usize;
            for part in parts {
                total = total.checked_add(part.iov_len)?;
                if part.iov_base.is_null() && part.iov_len != 0 {
                    return None;
                }
            }
            isize::try_from(total).ok()?;
            // SAFETY: the caller's. Empty parts may be null, which no slice may, but are not read.
            Some(unsafe { slice::from_raw_parts(first.cast(), count) })
        }
        _ => None,
    }
}

/// # Safety
///
/// As for send(2).
unsafe fn send_one(fd: c_int, data: *const c_void, length: size_t, flags: c_int) -> ssize_t {
    if data.is_null() && length != 0 {
        return ssize_t::failed(Errno::FAULT);
    }
    let part = iovec { iov_base: data.cast_mut(), iov_len: length };
    // SAFETY: the caller's.
    match unsafe { parts(ptr::from_ref(&part), usize::from(length != 0)) } {
        Some(parts) => returned(deliver(fd, parts, flags)),
        None => ssize_t::failed(Errno::MSGSIZE),
    }
}

/// `send(2)`.
///
/// # Safety
///
/// As for send(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn send(
    fd: c_int,
    data: *const c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller's.
    unsafe {
        if is_ours(fd) {
            send_one(fd, data, length, flags)
        } else {
            preload().next.send(fd, data, length, flags)
        }
    }
}

/// `sendto(2)`. AF_KEY does not look at the address.
///
/// # Safety
///
/// As for sendto(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendto(
    fd: c_int,
    data: *const c_void,
    length: size_t,
    flags: c_int,
    to: *const sockaddr,
    size: socklen_t,
) -> ssize_t {
    // SAFETY: the caller's.
    unsafe {
        if is_ours(fd) {
            send_one(fd, data, length, flags)
        } else {
            preload().next.sendto(fd, data, length, flags, to, size)
        }
    }
}

/// `write(2)`.
///
/// # Safety
///
/// As for write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn write(fd: c_int, data: *const c_void, length: size_t) -> ssize_t {
    // SAFETY: the caller's.
    unsafe {
        if is_ours(fd) {
            send_one(fd, data, length, 0)
        } else {
            preload().next.write(fd, data, length)
        }
    }
}

/// `writev(2)`. Of no bytes at all, the kernel makes no message.
///
/// # Safety
///
/// As for writev(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn writev(fd: c_int, first: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: the caller's.
    unsafe {
        if is_ours(fd)
            && let Some(parts) = usize::try_from(count).ok().and_then(|count| parts(first, count))
            && parts.iter().any(|part| !part.is_empty())
        {
            returned(deliver(fd, parts, 0))
        } else {
            preload().next.writev(fd, first, count)
        }
    }
}

/// `sendmsg(2)`.
///
/// # Safety
///
/// As for sendmsg(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendmsg(
    fd: c_int,
    message: *const msghdr,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller's.
    unsafe {
        if is_ours(fd)
            && let Some(message) = message.as_ref()
            && let Some(parts) = parts(message.msg_iov, message.msg_iovlen)
        {
            returned(deliver(fd, parts, flags))
        } else {
            preload().next.sendmsg(fd, message, flags)
        }
    }
}

/// `sendmmsg(2)`: each message in turn, until one fails.
///
/// # Safety
///
/// As for sendmmsg(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: u32,
    flags: c_int,
) -> c_int {
    if !is_ours(fd) || messages.is_null() {
        // SAFETY: the caller's.
        return unsafe { preload().next.sendmmsg(fd, messages, count, flags) };
    }
    let count = (count as usize).min(MOST_PARTS);
    // SAFETY: the caller has that many, for itself.
    let messages = unsafe { slice::from_raw_parts_mut(messages, count) };
    let mut sent = 0;
    for message in messages {
        // SAFETY: the caller's.
        let length = unsafe { sendmsg(fd, &raw const message.msg_hdr, flags) };
        match u32::try_from(length) {
            Ok(length) => message.msg_len = length,
            Err(_) if sent == 0 => return -1,
            Err(_) => break,
        }
        sent += 1;
    }
    sent
}
