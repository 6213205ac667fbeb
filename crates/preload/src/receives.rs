//! The functions that receive, those of programs compiled with `_FORTIFY_SOURCE` among them. What
//! glibc calls within itself (stdio does) is not reached.

use std::{
    ffi::{c_int, c_void},
    mem, slice,
};

use libc::{iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec};

use crate::{clients, memory, parts::Parts, preload, receive::receive};

fn is_ours(fd: c_int) -> bool {
    clients::any() && clients::of(fd).is_some()
}

/// `recv(2)`.
///
/// # Safety
///
/// As for recv(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recv(
    fd: c_int,
    room: *mut c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller's.
    let call = || unsafe { preload().next.recv(fd, room, length, flags) };
    if is_ours(fd) { receive(fd, flags, &call) } else { call() }
}

/// `recv(2)` into room of a known size, which the C library compares.
///
/// # Safety
///
/// As for recv(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __recv_chk(
    fd: c_int,
    room: *mut c_void,
    length: size_t,
    size: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller's.
    let call = || unsafe { preload().next.__recv_chk(fd, room, length, size, flags) };
    if is_ours(fd) { receive(fd, flags, &call) } else { call() }
}

/// `recvfrom(2)`.
///
/// # Safety
///
/// As for recvfrom(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvfrom(
    fd: c_int,
    room: *mut c_void,
    length: size_t,
    flags: c_int,
    from: *mut sockaddr,
    size: *mut socklen_t,
) -> ssize_t {
    // SAFETY: the caller's.
    let call = || unsafe { preload().next.recvfrom(fd, room, length, flags, from, size) };
    if !is_ours(fd) {
        return call();
    }
    let given = memory::copy(size).ok();
    receive(fd, flags, &|| {
        // A former call may have written it.
        restore(size, given);
        call()
    })
}

/// `recvfrom(2)` into room of a known size, which the C library compares.
///
/// # Safety
///
/// As for recvfrom(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __recvfrom_chk(
    fd: c_int,
    room: *mut c_void,
    length: size_t,
    room_size: size_t,
    flags: c_int,
    from: *mut sockaddr,
    size: *mut socklen_t,
) -> ssize_t {
    let next = &preload().next;
    // SAFETY: the caller's.
    let call = || unsafe { next.__recvfrom_chk(fd, room, length, room_size, flags, from, size) };
    if !is_ours(fd) {
        return call();
    }
    let given = memory::copy(size).ok();
    receive(fd, flags, &|| {
        restore(size, given);
        call()
    })
}

/// Writes the size again that the caller had there. The kernel reports a wrong pointer.
fn restore(size: *mut socklen_t, given: Option<socklen_t>) {
    let _ = given.map(|given| memory::store(&given, size));
}

/// `read(2)`, which of a socket is recv(2), but for nothing at all.
///
/// # Safety
///
/// As for read(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn read(fd: c_int, room: *mut c_void, length: size_t) -> ssize_t {
    if length == 0 || !is_ours(fd) {
        // SAFETY: the caller's.
        return unsafe { preload().next.read(fd, room, length) };
    }
    // SAFETY: the caller's. A placeholder is not to be read.
    receive(fd, 0, &|| unsafe { preload().next.recv(fd, room, length, 0) })
}

/// `read(2)` into room of a known size, which the C library compares.
///
/// # Safety
///
/// As for read(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __read_chk(
    fd: c_int,
    room: *mut c_void,
    length: size_t,
    size: size_t,
) -> ssize_t {
    let next = &preload().next;
    if length == 0 || !is_ours(fd) {
        // SAFETY: the caller's.
        return unsafe { next.__read_chk(fd, room, length, size) };
    }
    // SAFETY: as for `read`.
    receive(fd, 0, &|| unsafe { next.__recv_chk(fd, room, length, size, 0) })
}

/// `readv(2)`, which of a socket is recvmsg(2), but for nothing at all.
///
/// # Safety
///
/// As for readv(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    let next = &preload().next;
    let number = usize::try_from(count).unwrap_or(0);
    let has_room = || Parts::new(parts, number).is_some_and(Parts::have_bytes);
    if !is_ours(fd) || !has_room() {
        // SAFETY: the caller's.
        return unsafe { next.readv(fd, parts, count) };
    }
    receive(fd, 0, &|| {
        // SAFETY: a message with nothing but room is zero in all else; the room is the caller's.
        unsafe {
            let mut message: msghdr = mem::zeroed();
            message.msg_iov = parts.cast_mut();
            message.msg_iovlen = number as _;
            next.recvmsg(fd, &raw mut message, 0)
        }
    })
}

/// `recvmsg(2)`. A socket of the service that another process hands over is as one that was opened
/// here.
///
/// # Safety
///
/// As for recvmsg(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    // SAFETY: the caller's.
    let call = || unsafe { preload().next.recvmsg(fd, message, flags) };
    let result = if is_ours(fd)
        && let Ok(given) = memory::copy(message)
    {
        receive(fd, flags, &|| {
            // A former call may have written it. The kernel reports a wrong pointer.
            let _ = memory::store(&given, message);
            call()
        })
    } else {
        call()
    };
    if result >= 0 {
        // SAFETY: the kernel has filled it in.
        unsafe { adopt(message) };
    }
    result
}

/// `recvmmsg(2)`.
///
/// # Safety
///
/// As for recvmmsg(2).
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: u32,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    // SAFETY: the caller's.
    let call = || unsafe { preload().next.recvmmsg(fd, messages, count, flags, timeout) };
    if !is_ours(fd) || messages.is_null() || count == 0 {
        let received = call();
        for message in 0..usize::try_from(received).unwrap_or(0) {
            // SAFETY: the kernel has filled in that many.
            unsafe { adopt(&raw mut (*messages.add(message)).msg_hdr) };
        }
        return received;
    }
    // To the kernel the end of a connection is a message of no length, and so are all behind it.
    let result = receive(fd, flags, &|| {
        let received = call();
        let Ok(number) = usize::try_from(received) else { return received as isize };
        // SAFETY: as above.
        let all = unsafe { slice::from_raw_parts(messages, number) };
        all.iter().position(|message| message.msg_len == 0).unwrap_or(number).cast_signed()
    });
    c_int::try_from(result).unwrap_or(-1)
}

/// Adds the sockets of the service that came with a message.
///
/// # Safety
///
/// It is as recvmsg(2) leaves it.
unsafe fn adopt(message: *const msghdr) {
    // SAFETY: the caller's: the headers, of which there may be none, lie within the control data.
    unsafe {
        if message.is_null() || (*message).msg_control.is_null() {
            return;
        }
        let mut header = libc::CMSG_FIRSTHDR(message);
        while let Some(found) = header.as_ref() {
            if (found.cmsg_level, found.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let length = found.cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize);
                let descriptors: *const [u8; 4] = libc::CMSG_DATA(header).cast();
                for number in 0..length / 4 {
                    clients::add_if_service(c_int::from_ne_bytes(*descriptors.add(number)));
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
}
