//! Messages with a descriptor for another process (`SCM_RIGHTS`, unix(7)).

use std::{
    io::IoSlice,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd},
    slice,
};

use rustix::{
    cmsg_space,
    io::{Errno, retry_on_intr},
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg},
};

/// Sends a message on a Unix socket, with a copy of a descriptor if one is given, and gives the number of
/// its bytes that were sent. No memory is allocated.
///
/// Errors: those of sendmsg(2) but EINTR. A closed connection is EPIPE and no signal.
pub fn send(socket: impl AsFd, bytes: &[u8], file: Option<BorrowedFd<'_>>) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if let Some(file) = &file {
        control.push(SendAncillaryMessage::ScmRights(slice::from_ref(file)));
    }
    let bytes = [IoSlice::new(bytes)];
    retry_on_intr(|| sendmsg(&socket, &bytes, &mut control, SendFlags::NOSIGNAL))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn a_closed_connection_is_an_error_and_no_signal() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        assert_eq!(send(&ours, b"words", Some(ours.as_fd())), Ok(5));
        assert_eq!(send(&ours, b"word", None), Ok(4));
        drop(theirs);
        assert_eq!(send(&ours, b"word", None), Err(Errno::CONNREFUSED));
    }
}
