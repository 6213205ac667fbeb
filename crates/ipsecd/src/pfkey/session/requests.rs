//! The requests in the queue of a client's socket.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, ioctl_fionread, retry_on_intr},
};
use sys::datagrams::Inbox;
use tracing::debug;

/// The requests of a client that are in progress. Each is read and left in the queue, carried out and
/// answered, and then removed from the queue. AF_KEY does all of it inside send(2); a sender that
/// waits until its requests are removed (`pfkey::client::wait`) sees no difference. A request that was
/// sent is carried out even if the client has ended meanwhile.
#[derive(Debug, Default)]
pub(in crate::pfkey) struct Requests {
    /// Requests that were read and not removed yet.
    in_progress: usize,
    /// The size of these requests, in bytes.
    bytes: u64,
    /// Bytes of the last request for which the inbox had no room, which the next read returns.
    rest: usize,
    /// Bytes of the next requests that a daemon which has crashed may have carried out.
    repeated: u64,
}

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::pfkey) enum ReadResult {
    /// Datagrams, which are in the inbox.
    Datagrams,
    /// Nothing now.
    Nothing,
    /// Nothing, and nothing will come.
    End,
}

/// What a datagram in the inbox is.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::pfkey) enum InboxItem {
    /// A request, or the beginning of one that is longer than the inbox has room.
    Request,
    /// As [`InboxItem::Request`], which a daemon that has crashed may have carried out.
    Repeated,
    /// The rest of the request before.
    Rest,
    /// No request: the client has closed its socket.
    End,
}

impl Requests {
    /// The requests of a client of the previous daemon. A daemon that has crashed may have carried out those in the first
    /// `repeated` bytes of the queue.
    pub(in crate::pfkey) fn restored(repeated: u64) -> Self {
        Self { repeated, ..Self::default() }
    }

    /// Bytes of the next requests that a daemon which has crashed may have carried out.
    pub(in crate::pfkey) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Reads the next requests and leaves them in the queue.
    pub(in crate::pfkey) fn look(socket: BorrowedFd<'_>, inbox: &mut Inbox) -> ReadResult {
        loop {
            match inbox.look(socket) {
                Ok(()) => return ReadResult::Datagrams,
                Err(Errno::AGAIN) => return ReadResult::Nothing,
                // The client has closed its socket with answers unread. The kernel reports it once.
                Err(Errno::CONNRESET) => {}
                Err(errno) => {
                    debug!(%errno, "receive failed");
                    return ReadResult::End;
                }
            }
        }
    }

    /// What a datagram is that the last read has found. To be called for each, in order.
    pub(in crate::pfkey) fn next(
        &mut self,
        socket: BorrowedFd<'_>,
        given: usize,
        room: usize,
    ) -> InboxItem {
        if self.rest != 0 {
            self.rest = given.saturating_sub(room);
            return InboxItem::Rest;
        }
        if given == 0 && self.is_end(socket) {
            return InboxItem::End;
        }
        self.in_progress += 1;
        self.bytes += given as u64;
        self.rest = given.saturating_sub(room);
        let is_repeated = self.repeated > 0;
        self.repeated = self.repeated.saturating_sub(given as u64);
        if is_repeated { InboxItem::Repeated } else { InboxItem::Request }
    }

    /// Whether an empty datagram is the end: the client has closed its socket, and the queue has
    /// nothing but requests that were read, or requests of 0 bytes.
    fn is_end(&self, socket: BorrowedFd<'_>) -> bool {
        let mut slots = [PollFd::from_borrowed_fd(socket, PollFlags::RDHUP)];
        let polled = retry_on_intr(|| poll(&mut slots, Some(&Timespec::default())));
        let has_closed = polled.is_err() || !slots[0].revents().is_empty();
        has_closed && ioctl_fionread(socket).is_ok_and(|queued| queued <= self.bytes)
    }

    /// Removes the requests that were read from the queue: they were answered.
    pub(in crate::pfkey) fn remove(&mut self, socket: impl AsFd) {
        if self.in_progress == 0 {
            return;
        }
        if let Err(errno) = sys::datagrams::take(socket, self.in_progress) {
            debug!(%errno, "requests not removed");
        }
        // The kernel removes the rest of the last request as well.
        *self = Self { repeated: self.repeated, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};

    use super::*;

    /// A socket of the service, and the client's.
    fn pair() -> (OwnedFd, OwnedFd) {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        sys::datagrams::look_in_turn(&ours).unwrap();
        (ours, theirs)
    }

    fn send_all(socket: &OwnedFd, lengths: &[usize]) {
        for &length in lengths {
            send(socket, &vec![7; length], SendFlags::empty()).unwrap();
        }
    }

    fn all(requests: &mut Requests, socket: &OwnedFd, inbox: &mut Inbox) -> Vec<InboxItem> {
        let found = Requests::look(socket.as_fd(), inbox);
        assert_eq!(found, ReadResult::Datagrams);
        let kinds = (0..inbox.count())
            .map(|at| requests.next(socket.as_fd(), inbox.length(at), inbox.room()));
        let mut kinds = kinds.collect::<Vec<_>>();
        let end = kinds.iter().position(|kind| *kind == InboxItem::End);
        kinds.truncate(end.map_or(kinds.len(), |end| end + 1));
        kinds
    }

    #[test]
    fn a_client_that_has_gone_leaves_its_requests() {
        use InboxItem::{End, Request};
        let (ours, theirs) = pair();
        let (mut requests, mut inbox) = (Requests::default(), Inbox::new(2, 32).unwrap());
        assert_eq!(Requests::look(ours.as_fd(), &mut inbox), ReadResult::Nothing);
        send_all(&ours, &[20]);
        send_all(&theirs, &[0, 20, 0, 20]);
        drop(theirs);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Request]);
        requests.remove(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Request]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [End]);
        requests.remove(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [End]);
    }

    #[test]
    fn requests_that_a_crash_has_left_are_repeated() {
        use InboxItem::{Repeated, Request, Rest};
        let (ours, theirs) = pair();
        let mut inbox = Inbox::new(2, 32).unwrap();
        send_all(&theirs, &[20, 60, 20]);
        let mut requests = Requests::restored(ioctl_fionread(&ours).unwrap());
        send_all(&theirs, &[20]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Repeated, Repeated]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Rest, Repeated]);
        requests.remove(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request]);
        requests.remove(&ours);
        assert_eq!(Requests::look(ours.as_fd(), &mut inbox), ReadResult::Nothing);
    }

    #[test]
    fn a_request_that_is_too_long_is_one() {
        use InboxItem::{Request, Rest};
        let (ours, theirs) = pair();
        let (mut requests, mut inbox) = (Requests::default(), Inbox::new(2, 32).unwrap());
        send_all(&theirs, &[90, 20, 64, 20]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Rest]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Rest, Request]);
        requests.remove(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Rest]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request]);
        requests.remove(&ours);
        send_all(&theirs, &[40, 90, 20]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Rest]);
        requests.remove(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Rest]);
        requests.remove(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request]);
        requests.remove(&ours);
        assert_eq!(Requests::look(ours.as_fd(), &mut inbox), ReadResult::Nothing);
    }
}
