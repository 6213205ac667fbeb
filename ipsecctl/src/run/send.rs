//! Calls that send, as AF_KEY does: when the call returns, its answers are queued.
//!
//! The supervisor reads the message, looks at its header as AF_KEY does, sends it on the caller's
//! own socket and waits until the service has answered.

use std::{mem::offset_of, time::Duration};

use libc::{MSG_OOB, c_int, mmsghdr, msghdr};
use pfkey::command::header;
use rustix::{fd::AsFd, io::Errno, net::sockopt::socket_send_buffer_size};

use super::keysockets::{
    KeySocket, KeySockets,
    renew::{PAUSE, Service, is_hung_up},
};
use crate::seccomp_notify::{
    Call, Response, Thread,
    memory::{Memory, Piece, length},
};

/// The longest message that is read, whatever the size of the socket's send buffer is.
const LONGEST: usize = 512 << 10;

/// What AF_KEY and Unix sockets keep of the send buffer (`pfkey_sendmsg`, `unix_stream_sendmsg`).
const KEPT_BACK: usize = 32;

/// The most messages of one sendmmsg(2) (`UIO_MAXIOV`).
const MOST_MESSAGES: u64 = 1024;

/// How long a service that has gone is waited for.
const RESTART: Duration = Duration::from_secs(5);

/// A socket, and the memory that has the messages.
struct Sender<'call> {
    call: &'call Call<'call>,
    sockets: &'call KeySockets,
    socket: KeySocket,
    memory: Memory,
}

/// Answers a call that sends, if it is on a PF_KEY socket that was handed in. One that the supervisor
/// may not look at sends all the same, and does not wait for the service.
///
/// Errors: ECONNREFUSED if the service has gone and does not come back.
pub fn send(call: &Call<'_>, sockets: &KeySockets) -> Result<Response, Errno> {
    let thread = call.thread()?;
    let Some(socket) = sockets.find(&thread, call.int(0)) else { return Ok(Response::Continue) };
    let Ok(memory) = thread.memory() else { return Ok(Response::Continue) };
    let Some(socket) = connected(call, sockets, &thread, socket)? else {
        return Ok(Response::Continue);
    };
    let sender = Sender { call, sockets, socket, memory };
    let (start, count) = (call.argument(1), call.argument(2));
    let piece = [Piece { start, length: count }];
    let sent = match call.number() {
        libc::SYS_sendto => sender.message(&piece, call.int(3)),
        libc::SYS_sendmsg => sender.header(start, call.int(2)),
        libc::SYS_sendmmsg => sender.headers(start, count, call.int(3)),
        libc::SYS_writev => sender.vector(start, count),
        _ => sender.message(&piece, 0),
    };
    sent.map(Response::Value)
}

/// The socket, or the one that takes its place if its service has gone.
fn connected(
    call: &Call<'_>,
    sockets: &KeySockets,
    thread: &Thread<'_>,
    socket: KeySocket,
) -> Result<Option<KeySocket>, Errno> {
    if !is_hung_up(socket.file.as_fd()) {
        return Ok(Some(socket));
    }
    let rest = RESTART.saturating_sub(sockets.known().absence(socket.cookie));
    // A copy of an ended socket is not to keep it.
    drop(socket);
    match sockets.renew(call, is_hung_up, rest.max(PAUSE)) {
        Service::Connected => Ok(sockets.find(thread, call.int(0))),
        Service::Absent => Err(Errno::CONNREFUSED),
    }
}

impl Sender<'_> {
    /// Sends a message that has the header of AF_KEY. Addresses and control messages AF_KEY does not
    /// look at.
    fn message(&self, pieces: &[Piece], flags: c_int) -> Result<usize, Errno> {
        if flags & MSG_OOB != 0 {
            return Err(Errno::OPNOTSUPP);
        }
        let buffer = socket_send_buffer_size(&self.socket.file)?;
        let most = buffer.saturating_sub(KEPT_BACK).min(LONGEST);
        let bytes = self.memory.gather(pieces, most)?;
        let request = header(&bytes).map_err(|error| error.errno())?;
        self.call.still_waits()?;
        let sent = pfkey::client::send(self.socket.file.as_fd(), &bytes)?;
        self.sockets.known().learn(self.socket.cookie, &request, bytes.len());
        Ok(sent)
    }

    /// writev(2), of which nothing comes if it has no bytes.
    fn vector(&self, start: u64, count: u64) -> Result<usize, Errno> {
        // The kernel takes an int's worth of bits first (`import_iovec`).
        let pieces = self.memory.pieces(start, count, Errno::INVAL)?;
        if length(&pieces)? == 0 { Ok(0) } else { self.message(&pieces, 0) }
    }

    /// A `struct msghdr`.
    fn header(&self, start: u64, flags: c_int) -> Result<usize, Errno> {
        let field = |offset| self.memory.number(start.wrapping_add(offset as u64));
        let (pieces, count) =
            (field(offset_of!(msghdr, msg_iov))?, field(offset_of!(msghdr, msg_iovlen))?);
        let pieces = self.memory.pieces(pieces, count, Errno::MSGSIZE)?;
        self.message(&pieces, flags)
    }

    /// An array of `struct mmsghdr`: each in turn. If one fails, those before it are sent.
    fn headers(&self, start: u64, count: u64, flags: c_int) -> Result<usize, Errno> {
        // The argument is an unsigned int.
        let count = (count & u64::from(u32::MAX)).min(MOST_MESSAGES);
        let mut sent = 0;
        while (sent as u64) < count {
            let place = start.wrapping_add((sent * size_of::<mmsghdr>()) as u64);
            match self.header_with_length(place, flags) {
                Ok(()) => sent += 1,
                Err(errno) if sent == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    /// A `struct mmsghdr`, into which the length of what was sent is written.
    fn header_with_length(&self, start: u64, flags: c_int) -> Result<(), Errno> {
        let length = self.header(start, flags)?;
        // It is at most that of the buffer.
        let length = u32::try_from(length).map_err(|_| Errno::MSGSIZE)?;
        let place = start.wrapping_add(offset_of!(mmsghdr, msg_len) as u64);
        self.memory.write(&length.to_ne_bytes(), place)
    }
}
