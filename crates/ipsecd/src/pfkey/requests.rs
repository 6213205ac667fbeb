//! What a client has sent.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, ioctl_fionread, retry_on_intr},
};
use sys::datagrams::Inbox;
use tracing::debug;

/// The requests of a client: they are looked at, carried out and answered, and then taken from the
/// socket. AF_KEY does all of it inside send(2); a sender that waits until its requests were taken
/// (`pfkey::client::wait`) sees no difference. A request that was sent is carried out, though the
/// client may have gone meanwhile.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Requests that were looked at and are not taken yet.
    under_way: usize,
    /// Bytes of them.
    bytes: u64,
    /// Bytes of the last one for which there was no room, which come with the next look.
    rest: usize,
}

/// What a look has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// What is in the inbox.
    Datagrams,
    /// Nothing yet.
    Nothing,
    /// Nothing ever again.
    End,
}

/// What a datagram of the inbox is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Datagram {
    /// A request, or the beginning of one that is too long.
    Request,
    /// What there was no room for before.
    Rest,
    /// None: the client has closed its socket.
    End,
}

impl Requests {
    /// Looks at the next ones.
    pub(super) fn look(socket: BorrowedFd<'_>, inbox: &mut Inbox) -> Found {
        loop {
            match inbox.look(socket) {
                Ok(()) => return Found::Datagrams,
                Err(Errno::AGAIN) => return Found::Nothing,
                // It has closed without reading its answers, which is told once.
                Err(Errno::CONNRESET) => {}
                Err(errno) => {
                    debug!(%errno, "receiving failed");
                    return Found::End;
                }
            }
        }
    }

    /// Tells what one of the datagrams is that the last look has found; in order.
    pub(super) fn next(&mut self, socket: BorrowedFd<'_>, given: usize, room: usize) -> Datagram {
        if self.rest != 0 {
            self.rest = given.saturating_sub(room);
            return Datagram::Rest;
        }
        if given == 0 && self.is_end(socket) {
            return Datagram::End;
        }
        self.under_way += 1;
        self.bytes += given as u64;
        self.rest = given.saturating_sub(room);
        Datagram::Request
    }

    /// Whether an empty datagram is the end of what the client has sent: it has closed its socket, and
    /// nothing is queued but what was looked at, or requests without a byte.
    fn is_end(&self, socket: BorrowedFd<'_>) -> bool {
        let mut it = [PollFd::from_borrowed_fd(socket, PollFlags::RDHUP)];
        let polled = retry_on_intr(|| poll(&mut it, Some(&Timespec::default())));
        let has_closed = polled.is_err() || !it[0].revents().is_empty();
        has_closed && ioctl_fionread(socket).is_ok_and(|queued| queued <= self.bytes)
    }

    /// Takes those that were looked at from the queue: they have been answered.
    pub(super) fn take(&mut self, socket: impl AsFd) {
        if self.under_way == 0 {
            return;
        }
        if let Err(errno) = sys::datagrams::take(socket, self.under_way) {
            debug!(%errno, "taking requests failed");
        }
        // The kernel takes the rest of the last one as well.
        *self = Self::default();
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

    fn all(requests: &mut Requests, socket: &OwnedFd, inbox: &mut Inbox) -> Vec<Datagram> {
        let found = Requests::look(socket.as_fd(), inbox);
        assert_eq!(found, Found::Datagrams);
        let kinds = (0..inbox.count())
            .map(|at| requests.next(socket.as_fd(), inbox.length(at), inbox.room()));
        let mut kinds = kinds.collect::<Vec<_>>();
        let end = kinds.iter().position(|kind| *kind == Datagram::End);
        kinds.truncate(end.map_or(kinds.len(), |end| end + 1));
        kinds
    }

    #[test]
    fn a_client_that_has_gone_leaves_its_requests() {
        use Datagram::{End, Request};
        let (ours, theirs) = pair();
        let (mut requests, mut inbox) = (Requests::default(), Inbox::new(2, 32));
        assert_eq!(Requests::look(ours.as_fd(), &mut inbox), Found::Nothing);
        send_all(&ours, &[20]);
        send_all(&theirs, &[0, 20, 0, 20]);
        drop(theirs);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Request]);
        requests.take(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Request]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [End]);
        requests.take(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [End]);
    }

    #[test]
    fn a_request_that_is_too_long_is_one() {
        use Datagram::{Request, Rest};
        let (ours, theirs) = pair();
        let (mut requests, mut inbox) = (Requests::default(), Inbox::new(2, 32));
        send_all(&theirs, &[90, 20, 64, 20]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Rest]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Rest, Request]);
        requests.take(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Rest]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request]);
        requests.take(&ours);
        send_all(&theirs, &[40, 90, 20]);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Rest]);
        requests.take(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request, Rest]);
        requests.take(&ours);
        assert_eq!(all(&mut requests, &ours, &mut inbox), [Request]);
        requests.take(&ours);
        assert_eq!(Requests::look(ours.as_fd(), &mut inbox), Found::Nothing);
    }
}
