//! The functions that send. What glibc calls within itself (`__send`, `__write`; stdio does) is not
//! reached.

use std::{
    ffi::{c_int, c_void},
    mem,
};

use libc::{iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t};
use rustix::io::Errno;

use crate::{
    clients,
    deliver::deliver,
    errno::{self, Failed, returned},
    memory,
    parts::{MOST_PARTS, Parts},
    preload,
};

fn is_ours(fd: c_int) -> bool {
    clients::any() && clients::of(fd).is_some()
}

/// `send(2)` and its like, to the service.
fn send_one(fd: c_int, data: *const c_void, length: size_t, flags: c_int) -> ssize_t {
    let part = iovec { iov_base: data.cast_mut(), iov_len: length };
    match Parts::new(&raw const part, usize::from(length != 0)) {
        Some(parts) => returned(deliver(fd, parts, flags)),
        None => ssize_t::failed(Errno::MSGSIZE),
    }
}

/// The parts of the message at a pointer; none: the kernel reports what is wrong.
fn parts_of(message: *const msghdr) -> Option<Parts> {
    let header = memory::copy(message).ok()?;
    Parts::new(header.msg_iov, header.msg_iovlen)
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
    if is_ours(fd) {
        return send_one(fd, data, length, flags);
    }
    // SAFETY: the caller's.
    unsafe { preload().next.send(fd, data, length, flags) }
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
    if is_ours(fd) {
        return send_one(fd, data, length, flags);
    }
    // SAFETY: the caller's.
    unsafe { preload().next.sendto(fd, data, length, flags, to, size) }
}

/// `write(2)`.
///
/// # Safety
///
/// As for write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn write(fd: c_int, data: *const c_void, length: size_t) -> ssize_t {
    if is_ours(fd) {
        return send_one(fd, data, length, 0);
    }
    // SAFETY: the caller's.
    unsafe { preload().next.write(fd, data, length) }
}

/// `writev(2)`. Of no bytes at all, the kernel makes no message.
///
/// # Safety
///
/// As for writev(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn writev(fd: c_int, first: *const iovec, count: c_int) -> ssize_t {
    if is_ours(fd)
        && let Some(parts) = usize::try_from(count).ok().and_then(|count| Parts::new(first, count))
        && parts.have_bytes()
    {
        return returned(deliver(fd, parts, 0));
    }
    // SAFETY: the caller's.
    unsafe { preload().next.writev(fd, first, count) }
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
    if is_ours(fd)
        && let Some(parts) = parts_of(message)
    {
        return returned(deliver(fd, parts, flags));
    }
    // SAFETY: the caller's.
    unsafe { preload().next.sendmsg(fd, message, flags) }
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
    if !is_ours(fd) {
        // SAFETY: the caller's.
        return unsafe { preload().next.sendmmsg(fd, messages, count, flags) };
    }
    let mut sent = 0;
    for number in 0..(count as usize).min(MOST_PARTS) {
        // As the kernel, a message whose length cannot be written is sent and not counted.
        let written = send_of_many(fd, messages.wrapping_add(number), flags);
        match written {
            Ok(()) => sent += 1,
            Err(errno) if sent == 0 => return c_int::failed(errno),
            Err(_) => break,
        }
    }
    sent
}

/// Sends one of several messages and writes how long it was.
fn send_of_many(fd: c_int, message: *mut mmsghdr, flags: c_int) -> Result<(), Errno> {
    let header = message.cast::<msghdr>();
    // SAFETY: a wrong pointer is reported.
    let length = unsafe { sendmsg(fd, header, flags) };
    let length = u32::try_from(length).map_err(|_| errno::last())?;
    let place = message.wrapping_byte_add(mem::offset_of!(mmsghdr, msg_len));
    memory::store(&length, place.cast())
}
