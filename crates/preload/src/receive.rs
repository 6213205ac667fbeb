//! Receiving from a service that may end: the program sees neither its end nor what the library itself
//! has asked it.

use std::{ffi::c_int, time::Duration};

use pfkey::client::blocks;
use rustix::{
    fd::BorrowedFd,
    io::Errno,
    net::{RecvFlags, recv},
};

use crate::{
    clients::{self, ClientDescriptor},
    descriptors::borrow,
    errno::{self, Failed},
    placeholder::is_readable,
    recover::{is_hung_up, recover, recover_to_receive},
};

/// How often a service may end within one call, should its place be taken by nothing else.
const TRIES: u32 = 64;

/// The state of the connection, as a call has found it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is there.
    No,
    /// Nothing was received, which may be its end.
    Nothing,
    /// It is not there: ECONNRESET, ENOTSOCK.
    Error,
}

/// The state that follows from the result of a call.
pub(crate) fn end(result: isize) -> End {
    match result {
        0 => End::Nothing,
        -1 if matches!(errno::last(), Errno::CONNRESET | Errno::NOTSOCK) => End::Error,
        _ => End::No,
    }
}

/// Repeats `call`, which receives from a descriptor with these flags, until its result is one that
/// AF_KEY can have.
///
/// A call that finds the end there already may come from an event loop, for which the descriptor was
/// readable: it does not wait for what comes next, but fails with EINTR, or EAGAIN where the
/// descriptor does not block. One that was waiting goes on.
///
/// A thread may be cancelled within `call`: nothing is held here.
pub(crate) fn receive(fd: c_int, flags: c_int, call: &dyn Fn() -> isize) -> isize {
    let flags = RecvFlags::from_bits_retain(flags.cast_unsigned());
    let mut ends = 0;
    loop {
        match clients::of(fd) {
            None => return call(),
            Some(ClientDescriptor::Placeholder(client)) => {
                let at_once = flags.contains(RecvFlags::DONTWAIT);
                if let Err(errno) = recover_to_receive(fd, client, at_once) {
                    return isize::failed(errno);
                }
                continue;
            }
            Some(ClientDescriptor::Socket(client)) => {
                if client.interests.are_awaited()
                    && let Some(socket) = borrow(fd)
                    && let Err(errno) = client.interests.pass_over(socket, flags)
                {
                    return isize::failed(errno);
                }
            }
        }
        let had_ended = borrow(fd).is_some_and(is_hung_up);
        let result = call();
        ends += 1;
        let is_over = match end(result) {
            End::No => false,
            End::Nothing => has_ended(fd),
            End::Error => true,
        };
        if !is_over || ends > TRIES {
            return result;
        }
        if had_ended && would_wait(fd, flags) {
            return isize::failed(Errno::INTR);
        }
    }
}

/// Whether a call that received nothing is to be made again: the connection had ended, and something
/// else is in its place.
fn has_ended(fd: c_int) -> bool {
    let Some(descriptor) = borrow(fd) else { return false };
    match look(descriptor) {
        Ok(0) if is_hung_up(descriptor) => {
            recover(fd);
            true
        }
        // Another thread has put something else there; or the end was reported here: what is before it
        // can be read now.
        Err(Errno::NOTSOCK | Errno::CONNRESET) => true,
        // There is a message, for which the program has no room, or none.
        Ok(_) | Err(_) => false,
    }
}

/// Whether a call waits for what takes the place of a connection that had ended.
fn would_wait(fd: c_int, flags: RecvFlags) -> bool {
    let waits = |descriptor| {
        !flags.contains(RecvFlags::DONTWAIT)
            && blocks(descriptor)
            && !is_readable(descriptor, Duration::ZERO).unwrap_or(true)
    };
    borrow(fd).is_some_and(waits)
}

/// How long the next message is; 0: the end.
fn look(descriptor: BorrowedFd<'_>) -> Result<usize, Errno> {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT | RecvFlags::TRUNC;
    recv(descriptor, &mut [0; 1][..], flags).map(|(_, length)| length)
}
