//! Calls that receive: the kernel carries them out, unless the service has ended. A program that reads
//! the end of a socket reads again at once, and finds the end again, in a busy loop.

use std::time::Duration;

use libc::{MSG_DONTWAIT, c_int};
use pfkey::client::blocks;
use rustix::{
    fd::AsFd,
    io::Errno,
    net::sockopt::{Timeout, socket_timeout},
};

use super::keysockets::{
    KeySockets,
    renew::{Service, has_ended},
};
use crate::seccomp_notify::{Call, Response};

/// How long a call waits for a service that listens again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers a call that receives. If the socket has ended, another takes its place.
///
/// A call that finds the end there may come from an event loop, which was notified that
/// the socket is readable: it does not wait for the next message.
///
/// Errors: EINTR; EAGAIN of a call that does not wait, or not for ever.
pub fn receive(call: &Call<'_>, sockets: &KeySockets) -> Result<Response, Errno> {
    let Ok(thread) = call.thread() else { return Ok(Response::Continue) };
    let Some(socket) = sockets.find(&thread, call.int(0)) else { return Ok(Response::Continue) };
    if !has_ended(socket.file.as_fd()) {
        return Ok(Response::Continue);
    }
    let waits = flags(call) & MSG_DONTWAIT == 0 && blocks(&socket.file);
    let limit = socket_timeout(&socket.file, Timeout::Recv).unwrap_or_default();
    let patience = limit.filter(|_| waits).map_or(PATIENCE, |limit| limit.min(PATIENCE));
    // A copy of an ended socket is not to keep it.
    drop(socket);
    match sockets.renew(call, has_ended, patience) {
        Service::Connected if !waits => Ok(Response::Continue),
        Service::Absent if !waits || limit.is_some() => Err(Errno::AGAIN),
        Service::Connected | Service::Absent => Err(Errno::INTR),
    }
}

fn flags(call: &Call<'_>) -> c_int {
    match call.number() {
        libc::SYS_recvfrom | libc::SYS_recvmmsg => call.int(3),
        libc::SYS_recvmsg => call.int(2),
        _ => 0,
    }
}
