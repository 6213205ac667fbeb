//! Messages between the daemon and the process: words, and at most one descriptor.

use std::{
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io::{Errno, retry_on_intr},
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
};
use sys::rights;

/// The words that messages begin with.
pub(super) const STORE: &str = "store ";
pub(super) const REMOVE: &str = "remove ";
pub(super) const END: &str = "end";
pub(super) const LEAVE: &str = "leave";

/// The longest message, in bytes.
const MAX_MESSAGE: usize = 64;

/// Sends a message, and a descriptor.
pub(super) fn send(socket: impl AsFd, words: &str, file: Option<BorrowedFd<'_>>) -> io::Result<()> {
    rights::send(socket, words.as_bytes(), file)?;
    Ok(())
}

/// Receives a message, and its descriptor. `None`: the other end is closed.
pub(super) fn receive(socket: impl AsFd) -> Result<Option<(String, Option<OwnedFd>)>, Errno> {
    let mut bytes = [0; MAX_MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = retry_on_intr(|| {
        let room = &mut [IoSliceMut::new(&mut bytes)];
        recvmsg(&socket, room, &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    if message.bytes == 0 {
        return Ok(None);
    }
    let file = control.drain().find_map(|part| match part {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    Ok(Some((String::from_utf8_lossy(&bytes[..message.bytes]).into_owned(), file)))
}
