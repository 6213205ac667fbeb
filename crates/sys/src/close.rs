//! Closing sockets that another program has chosen.
//!
//! The last close of a socket may wait for as long as its owner has set with `SO_LINGER`, also if the
//! socket is in a message that is not received. The kernel does not wait in a thread that exits
//! (`inet_release`, net/ipv4/af_inet.c).
//!
//! Hand-written because close_range(2) is in neither rustix nor nix. No upstream change would end it: a
//! library cannot know that a thread uses none of its descriptors.
#![allow(unsafe_code, reason = "close_range(2)")]

use std::{os::fd::OwnedFd, sync::mpsc, thread};

use rustix::io::Errno;

use crate::errno::checked;

/// Bytes of the stack of a thread that waits and exits.
const STACK: usize = 1 << 16;

/// Closes sockets by the end of a thread that has a copy of the descriptor table, so that `SO_LINGER`
/// has no effect. If there can be no such thread (Linux before 5.9, too many threads), this thread
/// closes them and may wait.
pub fn close_without_lingering(sockets: Vec<OwnedFd>) {
    let (copied, copy) = mpsc::channel();
    let (closed, close) = mpsc::channel::<()>();
    let thread = thread::Builder::new().name("close".into()).stack_size(STACK).spawn(move || {
        let _ = copied.send(copy_descriptor_table());
        // An error: the sender is gone, the sockets are closed.
        let _ = close.recv();
    });
    if thread.is_ok() {
        let _ = copy.recv();
    }
    drop(sockets);
    drop(closed);
}

/// Gives this thread a table of its own.
fn copy_descriptor_table() -> Result<(), Errno> {
    let none = u32::MAX;
    let flags = libc::CLOSE_RANGE_UNSHARE.cast_signed();
    // SAFETY: takes no memory. This thread uses no descriptor any more.
    checked(unsafe { libc::close_range(none, none, flags) }).map(drop)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{TcpListener, TcpStream},
        time::{Duration, Instant},
    };

    use rustix::net::sockopt::set_socket_linger;

    use super::*;

    /// A connection whose close waits for a peer that does not read, and its listener.
    fn lingering() -> (TcpStream, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nonblocking(true).unwrap();
        while client.write(&[0; 1 << 12]).is_ok() {}
        // It waits only if it may block.
        client.set_nonblocking(false).unwrap();
        set_socket_linger(&client, Some(Duration::from_secs(3))).unwrap();
        (client, listener)
    }

    #[test]
    fn a_lingering_socket_is_closed_at_once() {
        let (socket, _listener) = lingering();
        let begun = Instant::now();
        close_without_lingering(vec![socket.into()]);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        // Otherwise the test proves nothing.
        let (socket, _listener) = lingering();
        let begun = Instant::now();
        drop(socket);
        assert!(begun.elapsed() > Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}
