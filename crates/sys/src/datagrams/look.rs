//! Datagrams that are looked at before they are taken.

use std::{
    io::IoSliceMut,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{RecvFlags, recv},
};

use crate::errno::from_nix;

/// Datagrams that are taken in one call.
const AT_ONCE: usize = 512;

/// Takes datagrams that were looked at from the queue of a socket, which their sender can observe
/// (`SIOCOUTQ`). Their bytes are not read again.
pub fn take(socket: impl AsFd, count: usize) -> Result<(), Errno> {
    let socket = socket.as_fd();
    let mut left = count;
    while left > 0 {
        let taken = match left.min(AT_ONCE) {
            1 => retry_on_intr(|| recv(socket, &mut [0_u8; 0][..], RecvFlags::DONTWAIT)).map(|_| 1),
            many => retry_on_intr(|| take_many(socket, many)),
        };
        match taken {
            Ok(taken) => left -= taken,
            // The peer has closed without reading: reported once.
            Err(Errno::CONNRESET) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn take_many(socket: BorrowedFd<'_>, count: usize) -> Result<usize, Errno> {
    let mut headers = MultiHeaders::<()>::preallocate(count, None);
    let mut rooms: Vec<[IoSliceMut<'_>; 0]> = (0..count).map(|_| []).collect();
    recvmmsg(socket.as_raw_fd(), &mut headers, rooms.iter_mut(), MsgFlags::MSG_DONTWAIT, None)
        .map(Iterator::count)
        .map_err(from_nix)
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;
    use crate::datagrams::{Inbox, Wait, look_in_turn, send};

    fn pair() -> (OwnedFd, OwnedFd) {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        socketpair(AddressFamily::UNIX, kind, flags, None).unwrap()
    }

    fn looked_at(inbox: &mut Inbox, socket: &OwnedFd) -> Vec<(Vec<u8>, usize)> {
        match inbox.look(socket) {
            Ok(()) => {}
            Err(Errno::AGAIN) => return Vec::new(),
            Err(errno) => panic!("{errno}"),
        }
        (0..inbox.count()).map(|at| (inbox.datagram(at).to_vec(), inbox.length(at))).collect()
    }

    fn whole(bytes: &[u8]) -> (Vec<u8>, usize) {
        (bytes.to_vec(), bytes.len())
    }

    #[test]
    fn looks_go_on_and_taking_begins_at_the_first() {
        let (ours, theirs) = pair();
        look_in_turn(&ours).unwrap();
        let mut inbox = Inbox::new(2, 4).unwrap();
        let sent: [&[u8]; 5] = [b"one", b"", b"two", b"", b""];
        assert_eq!(send(&theirs, sent), Ok(5));
        assert_eq!(looked_at(&mut inbox, &ours), [whole(b"one"), whole(b"")]);
        assert_eq!(looked_at(&mut inbox, &ours), [whole(b"two"), whole(b"")]);
        take(&ours, 3).unwrap();
        assert_eq!(looked_at(&mut inbox, &ours), [whole(b"")]);
        assert_eq!(looked_at(&mut inbox, &ours), []);
        take(&ours, 2).unwrap();
        send(&theirs, [&b"more"[..]]).unwrap();
        assert_eq!(looked_at(&mut inbox, &ours), [whole(b"more")]);
        take(&ours, 1).unwrap();
        assert_eq!(inbox.receive(&ours, Wait::No), Err(Errno::AGAIN));
    }

    #[test]
    fn what_does_not_fit_comes_next() {
        let (ours, theirs) = pair();
        look_in_turn(&ours).unwrap();
        let mut inbox = Inbox::new(2, 4).unwrap();
        send(&theirs, [&b"longer than"[..], b"next"]).unwrap();
        let expected = [(b"long".to_vec(), 11), (b"er t".to_vec(), 7)];
        assert_eq!(looked_at(&mut inbox, &ours), expected);
        assert_eq!(looked_at(&mut inbox, &ours), [whole(b"han"), whole(b"next")]);
        take(&ours, 2).unwrap();
        assert_eq!(looked_at(&mut inbox, &ours), []);
    }

    #[test]
    fn a_peer_that_closes_without_reading_leaves_what_it_has_sent() {
        let (ours, theirs) = pair();
        look_in_turn(&ours).unwrap();
        send(&theirs, [&b"one"[..], b"two"]).unwrap();
        send(&ours, [&b"never read"[..]]).unwrap();
        let mut inbox = Inbox::new(2, 4).unwrap();
        assert_eq!(looked_at(&mut inbox, &ours), [whole(b"one"), whole(b"two")]);
        drop(theirs);
        take(&ours, 2).unwrap();
        inbox.receive(&ours, Wait::No).unwrap();
        assert_eq!((inbox.count(), inbox.length(0)), (2, 0), "the end");
    }
}
