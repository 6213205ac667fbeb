//! To receive: what the kernel does, unless the service has ended. A program that is told of an end
//! asks for more at once, and is told of it again, without end.

use std::time::Duration;

use libc::{MSG_DONTWAIT, c_int};
use pfkey::client::blocks;
use rustix::{
    fd::AsFd,
    io::Errno,
    net::sockopt::{Timeout, socket_timeout},
};

use super::{
    keysockets::KeySockets,
    renew::{Service, has_ended},
};
use crate::supervise::{Answer, Call};

/// How long a call waits for a service that listens again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers a call that receives. If the socket has ended, another takes its place.
///
/// A call that finds the end there may come from an event loop, which was told that there is
/// something to read: it does not wait for what comes next.
///
/// Errors: EINTR; EAGAIN of a call that does not wait, or not for ever.
pub fn receive(call: &Call<'_>, sockets: &KeySockets) -> Result<Answer, Errno> {
    let Ok(thread) = call.thread() else { return Ok(Answer::Kernel) };
    let Some(socket) = sockets.find(&thread, call.int(0)) else { return Ok(Answer::Kernel) };
    if !has_ended(socket.file.as_fd()) {
        return Ok(Answer::Kernel);
    }
    let waits = flags(call) & MSG_DONTWAIT == 0 && blocks(&socket.file);
    let limit = socket_timeout(&socket.file, Timeout::Recv).unwrap_or_default();
    let patience = limit.filter(|_| waits).map_or(PATIENCE, |limit| limit.min(PATIENCE));
    // A copy of an ended socket is not to keep it.
    drop(socket);
    match sockets.renew(call, has_ended, patience) {
        Service::Back if !waits => Ok(Answer::Kernel),
        Service::Away if !waits || limit.is_some() => Err(Errno::AGAIN),
        Service::Back | Service::Away => Err(Errno::INTR),
    }
}

fn flags(call: &Call<'_>) -> c_int {
    match call.number() {
        libc::SYS_recvfrom | libc::SYS_recvmmsg => call.int(3),
        libc::SYS_recvmsg => call.int(2),
        _ => 0,
    }
}
