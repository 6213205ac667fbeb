//! Several datagrams a system call: recvmmsg(2) and sendmmsg(2). What they hold may be keys.
//!
//! A service that is to answer before its client goes on looks at datagrams ([`Inbox::look`]) and
//! takes them from the socket when they have been answered ([`take`]).

mod look;

use std::{
    io::{IoSlice, IoSliceMut},
    ops::Range,
    os::fd::{AsFd, AsRawFd},
};

pub use look::take;

use nix::{
    cmsg_space,
    sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, recvmmsg, sendmmsg},
};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{SendFlags, send as send_one},
};

pub use crate::sockopt::{peek_in_turn as look_in_turn, refuse_descriptors};
use crate::{SecretMemory, errno::from_nix, memory::wipe};

/// Whether to wait for a datagram if none is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// For the first one.
    ForOne,
    /// No: the call fails with EAGAIN.
    No,
}

/// Room for datagrams that come in one call, and those that came in the last one. They are wiped when
/// the next are received; a reader that may wait for long wipes them before ([`Inbox::wipe`]).
pub struct Inbox {
    bytes: SecretMemory,
    /// Bytes of the room for one datagram.
    room: usize,
    /// The bytes that each datagram of the last call had, also those that there was no room for.
    lengths: Vec<usize>,
    /// The number of the network namespace of each, if they are kept.
    namespaces: Option<Vec<Option<i32>>>,
}

impl Inbox {
    /// Room for at most `count` datagrams a call, of at most `room` bytes each. The memory is taken as
    /// it is first used.
    ///
    /// Errors: those of mmap(2).
    pub fn new(count: usize, room: usize) -> Result<Self, Errno> {
        Ok(Self {
            bytes: SecretMemory::new(count * room)?,
            room,
            lengths: Vec::new(),
            namespaces: None,
        })
    }

    /// Keeps the numbers of the network namespaces that datagrams are from (`NETLINK_LISTEN_ALL_NSID`,
    /// netlink(7)).
    pub fn keep_namespaces(&mut self) {
        self.namespaces = Some(Vec::new());
    }

    /// The number of the network namespace that a datagram is from; none: the socket's own, or they are
    /// not kept.
    #[must_use]
    pub fn namespace(&self, datagram: usize) -> Option<i32> {
        self.namespaces.as_ref()?.get(datagram).copied().flatten()
    }

    /// Receives what has come, and wipes what was received before. A stream that has ended gives
    /// datagrams of no bytes.
    ///
    /// Errors: those of recvmmsg(2) but EINTR. No datagram is there then.
    pub fn receive(&mut self, socket: impl AsFd, wait: Wait) -> Result<(), Errno> {
        self.fill(
            socket,
            match wait {
                Wait::ForOne => MsgFlags::MSG_WAITFORONE,
                Wait::No => MsgFlags::MSG_DONTWAIT,
            },
        )
    }

    /// As [`Inbox::receive`], and the datagrams stay in the socket's queue; the next call looks at
    /// those behind them. The socket has to be prepared by [`look_in_turn`]. What there was no room
    /// for of the last datagram is the next call's first one.
    pub fn look(&mut self, socket: impl AsFd) -> Result<(), Errno> {
        self.fill(socket, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK)
    }

    fn fill(&mut self, socket: impl AsFd, flags: MsgFlags) -> Result<(), Errno> {
        self.wipe();
        self.lengths.clear();
        self.namespaces.iter_mut().for_each(Vec::clear);
        let flags = flags | MsgFlags::MSG_TRUNC;
        let socket = socket.as_fd().as_raw_fd();
        retry_on_intr(|| {
            let ancillary = self.namespaces.as_ref().map(|_| cmsg_space!(i32));
            let mut headers = MultiHeaders::<()>::preallocate(self.most(), ancillary);
            let rooms = self.bytes.chunks_exact_mut(self.room);
            let mut rooms: Vec<_> = rooms.map(|room| [IoSliceMut::new(room)]).collect();
            let received =
                recvmmsg(socket, &mut headers, rooms.iter_mut(), flags, None).map_err(from_nix)?;
            for datagram in received {
                self.lengths.push(datagram.bytes);
                if let Some(namespaces) = &mut self.namespaces {
                    namespaces.push(namespace_of(&datagram)?);
                }
            }
            Ok(())
        })
    }

    /// The most datagrams that a call receives.
    fn most(&self) -> usize {
        self.bytes.len() / self.room
    }

    /// Wipes the datagrams, whose lengths stay.
    pub fn wipe(&mut self) {
        (0..self.count()).for_each(|datagram| self.wipe_part(self.place(datagram)));
    }

    /// Wipes a part of all [`Inbox::bytes`].
    pub fn wipe_part(&mut self, part: Range<usize>) {
        wipe(&mut self.bytes[part]);
    }

    /// How many datagrams the last call brought.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there was no room for another: more may have come.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count() == self.most()
    }

    /// The bytes that a datagram had, which may be more than there was room for.
    #[must_use]
    pub fn length(&self, datagram: usize) -> usize {
        self.lengths.get(datagram).copied().unwrap_or(0)
    }

    /// The bytes of a datagram, as far as there was room.
    #[must_use]
    pub fn datagram(&self, datagram: usize) -> &[u8] {
        &self.bytes[self.place(datagram)]
    }

    /// Bytes of the room for one datagram.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room
    }

    /// Where a datagram lies among all [`Inbox::bytes`].
    #[must_use]
    pub fn place(&self, datagram: usize) -> Range<usize> {
        let start = datagram * self.room;
        start..start + self.length(datagram).min(self.room)
    }

    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The number of the network namespace that a datagram of netlink is from.
fn namespace_of(datagram: &RecvMsg<'_, '_, ()>) -> Result<Option<i32>, Errno> {
    // The kernel sends no other ancillary data, and there is room for this.
    let messages = datagram.cmsgs().map_err(|_| Errno::MSGSIZE)?;
    let number = |message| match message {
        ControlMessageOwned::Unknown(it)
            if (it.cmsg_header.cmsg_level, it.cmsg_header.cmsg_type)
                == (libc::SOL_NETLINK, libc::NETLINK_LISTEN_ALL_NSID) =>
        {
            Some(i32::from_ne_bytes(*it.data_bytes.first_chunk()?))
        }
        _ => None,
    };
    Ok(messages.into_iter().find_map(number))
}

/// Sends datagrams without waiting and without SIGPIPE, in order, as far as there is room: how many
/// were sent, at least one.
///
/// Errors: those of sendmmsg(2) but EINTR, if the first could not be sent.
pub fn send<'a>(
    socket: impl AsFd,
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Result<usize, Errno> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let datagrams: Vec<_> = datagrams.into_iter().map(|bytes| [IoSlice::new(bytes)]).collect();
    if let [[one]] = &datagrams[..] {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        return retry_on_intr(|| send_one(&socket, one, flags)).map(|_| 1);
    }
    let addresses = vec![None; datagrams.len()];
    let socket = socket.as_fd().as_raw_fd();
    retry_on_intr(|| {
        let mut headers = MultiHeaders::<()>::preallocate(datagrams.len(), None);
        sendmmsg(socket, &mut headers, &datagrams, &addresses, [], flags)
            .map(Iterator::count)
            .map_err(from_nix)
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        socketpair(AddressFamily::UNIX, kind, flags, None).unwrap()
    }

    fn received(inbox: &Inbox) -> Vec<(Vec<u8>, usize)> {
        (0..inbox.count()).map(|at| (inbox.datagram(at).to_vec(), inbox.length(at))).collect()
    }

    #[test]
    fn what_has_come_is_received_at_once() {
        let (ours, theirs) = pair();
        let mut inbox = Inbox::new(3, 4).unwrap();
        assert_eq!(inbox.receive(&ours, Wait::No), Err(Errno::AGAIN));
        let sent: [&[u8]; 4] = [b"one", b"", b"longer", b"four"];
        assert_eq!(send(&theirs, sent), Ok(4));
        inbox.receive(&ours, Wait::No).unwrap();
        let expected = [(b"one".to_vec(), 3), (vec![], 0), (b"long".to_vec(), 6)];
        assert_eq!(received(&inbox), expected);
        assert!(inbox.is_full());
        inbox.receive(&ours, Wait::ForOne).unwrap();
        assert_eq!(received(&inbox), [(b"four".to_vec(), 4)]);
        assert!(!inbox.is_full());
        assert_eq!(&inbox.bytes()[inbox.place(0)], b"four");
        drop(theirs);
        assert_eq!(send(&ours, [&b"x"[..]]), Err(Errno::PIPE));
        assert_eq!(inbox.count(), 1);
        inbox.receive(&ours, Wait::No).unwrap();
        assert_eq!(received(&inbox), vec![(vec![], 0); 3]);
    }

    #[test]
    fn what_was_received_is_wiped_when_the_next_call_begins() {
        let (ours, theirs) = pair();
        let mut inbox = Inbox::new(2, 8).unwrap();
        send(&theirs, [&b"a secret"[..], b"another"]).unwrap();
        inbox.receive(&ours, Wait::No).unwrap();
        assert_eq!((inbox.datagram(0), inbox.datagram(1)), (&b"a secret"[..], &b"another"[..]));
        inbox.wipe_part(2..8);
        assert_eq!((inbox.datagram(0), inbox.length(0)), (&b"a \0\0\0\0\0\0"[..], 8));
        assert_eq!(inbox.receive(&ours, Wait::No), Err(Errno::AGAIN));
        assert_eq!(inbox.bytes(), [0; 16]);
    }

    #[test]
    fn what_there_is_no_room_for_is_not_sent() {
        let (ours, theirs) = pair();
        let datagram = vec![7; 1000];
        let mut sent = 0;
        let end = loop {
            match send(&ours, (0..64).map(|_| &datagram[..])) {
                Ok(count) => sent += count,
                Err(errno) => break errno,
            }
        };
        assert_eq!(end, Errno::AGAIN);
        let mut inbox = Inbox::new(1000, 1000).unwrap();
        inbox.receive(&theirs, Wait::No).unwrap();
        assert_eq!(inbox.count(), sent);
        assert!(received(&inbox).iter().all(|(bytes, _)| *bytes == datagram));
    }
}
