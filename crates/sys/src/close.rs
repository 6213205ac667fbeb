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
