use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, retry_on_intr},
    net::{RecvFlags, SendFlags, recv, send},
};
use tracing::{debug, warn};
use zeroize::Zeroizing;

use super::{dump::Dump, peer::Peer};

/// A message on the wire, wiped when the last queue that holds it lets it go.
pub(super) type Packet = Arc<Zeroizing<Vec<u8>>>;

/// Bytes that may wait for a client before it misses what others do.
const MOST_FOR_NEWS: usize = 1 << 20;

/// Bytes that may wait for a client before its requests wait too.
const MOST_FOR_REQUESTS: usize = 8 << 20;

/// A number that no two clients of a service have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ClientId(pub(super) u64);

/// A program that has connected: one socket of AF_KEY.
pub(super) struct Client {
    pub(super) id: ClientId,
    /// Who it was when it connected.
    pub(super) peer: Peer,
    socket: OwnedFd,
    /// What its socket had no room for.
    queue: VecDeque<Packet>,
    /// Bytes of it.
    pub(super) queued: usize,
    /// It has hung up, or its socket is broken.
    pub(super) is_gone: bool,
    /// A bit for each SA type that it has registered.
    pub(super) registered: u16,
    /// It hears everything, and what is meant for it twice.
    pub(super) is_promiscuous: bool,
    /// The dump under way.
    pub(super) dump: Option<Dump>,
    /// Messages of what others did that it has missed since it read too slowly.
    missed: u64,
    /// The same since it connected.
    pub(super) lost: u64,
}

/// What came in from a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A datagram of this many bytes, which may be more than there was room for.
    Datagram(usize),
    /// Nothing yet.
    Nothing,
    /// Nothing ever again.
    End,
}

impl Client {
    pub(super) fn new(id: ClientId, socket: OwnedFd, peer: Peer) -> Self {
        Self {
            id,
            peer,
            socket,
            queue: VecDeque::new(),
            queued: 0,
            is_gone: false,
            registered: 0,
            is_promiscuous: false,
            dump: None,
            missed: 0,
            lost: 0,
        }
    }

    /// What to wait for. A client that does not read its answers is not asked for more.
    pub(super) fn interest(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, self.queued < MOST_FOR_REQUESTS);
        flags.set(PollFlags::OUT, !self.queue.is_empty() || self.dump.is_some());
        flags
    }

    /// Whether there is room for the next entry of a dump.
    pub(super) fn has_room(&self) -> bool {
        self.queue.is_empty() && !self.is_gone
    }

    /// Whether another request may be taken from it.
    pub(super) fn may_ask(&self) -> bool {
        self.queued < MOST_FOR_REQUESTS && !self.is_gone
    }

    /// Sends an answer or the entry of a dump, or keeps it until there is room.
    pub(super) fn answer(&mut self, packet: &Packet) {
        if self.is_gone {
            return;
        }
        if self.queue.is_empty() && self.send(packet) {
            return;
        }
        self.queued += packet.len();
        self.queue.push_back(Arc::clone(packet));
    }

    /// Sends what another did, unless too much waits already: AF_KEY loses it as well.
    pub(super) fn tell(&mut self, packet: &Packet) {
        if self.queued <= MOST_FOR_NEWS {
            self.answer(packet);
            return;
        }
        if self.missed == 0 {
            warn!(client = self.id.0, "it reads too slowly and misses what others do");
        }
        self.missed += 1;
        self.lost += 1;
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self) {
        while let Some(packet) = self.queue.pop_front() {
            if !self.send(&packet) {
                self.queue.push_front(packet);
                return;
            }
            self.queued -= packet.len();
        }
        if self.missed != 0 {
            warn!(client = self.id.0, missed = self.missed, "it has caught up");
            self.missed = 0;
        }
    }

    /// Whether there was room, or is nobody who could want any.
    fn send(&mut self, packet: &[u8]) -> bool {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match retry_on_intr(|| send(&self.socket, packet, flags)) {
            Ok(_) => true,
            Err(Errno::AGAIN) => false,
            Err(errno) => {
                debug!(client = self.id.0, %errno, "sending failed");
                self.hang_up();
                true
            }
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.is_gone = true;
        self.queue.clear();
        self.queued = 0;
        self.dump = None;
    }

    /// The next request.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Received {
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        match retry_on_intr(|| recv(&self.socket, &mut *buffer, flags)) {
            Ok((_, 0)) if self.has_hung_up() => Received::End,
            Ok((_, length)) => Received::Datagram(length),
            Err(Errno::AGAIN) => Received::Nothing,
            Err(errno) => {
                debug!(client = self.id.0, %errno, "receiving failed");
                Received::End
            }
        }
    }

    /// Tells the end of the conversation from an empty datagram.
    fn has_hung_up(&self) -> bool {
        let mut it = [PollFd::new(&self.socket, PollFlags::RDHUP)];
        let polled = retry_on_intr(|| poll(&mut it, Some(&Timespec::default())));
        polled.is_err() || !it[0].revents().is_empty()
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    fn pair() -> (Client, OwnedFd) {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        (Client::new(ClientId(1), ours, Peer::default()), theirs)
    }

    fn read(socket: &OwnedFd) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 4096];
        let (_, length) = recv(socket, &mut buffer[..], RecvFlags::DONTWAIT).ok()?;
        buffer.truncate(length);
        Some(buffer)
    }

    #[test]
    fn an_empty_datagram_is_not_the_end() {
        let (client, theirs) = pair();
        let mut buffer = [0; 8];
        assert_eq!(client.receive(&mut buffer), Received::Nothing);
        send(&theirs, &[], SendFlags::empty()).unwrap();
        assert_eq!(client.receive(&mut buffer), Received::Datagram(0));
        send(&theirs, &[7; 20], SendFlags::empty()).unwrap();
        assert_eq!(client.receive(&mut buffer), Received::Datagram(20));
        drop(theirs);
        assert_eq!(client.receive(&mut buffer), Received::End);
    }

    #[test]
    fn answers_wait_and_news_are_missed() {
        let (mut client, theirs) = pair();
        let (answer, news) = (Packet::new(vec![1; 1000].into()), Packet::new(vec![2; 1000].into()));
        let mut answers = 0;
        while client.queued <= MOST_FOR_NEWS {
            client.answer(&answer);
            answers += 1;
        }
        client.tell(&news);
        client.answer(&answer);
        assert_eq!(client.missed, 1);
        assert!(client.interest().contains(PollFlags::IN | PollFlags::OUT));
        let mut read_back = 0;
        while let Some(bytes) = read(&theirs) {
            assert_eq!(bytes, **answer);
            read_back += 1;
            client.flush();
        }
        assert_eq!(read_back, answers + 1);
        assert_eq!((client.queued, client.missed, client.lost), (0, 0, 1));
        client.tell(&news);
        assert_eq!(read(&theirs), Some(news.to_vec()));
    }

    #[test]
    fn a_client_that_never_reads_is_not_read() {
        let (mut client, _theirs) = pair();
        let answer = Packet::new(vec![1; 1 << 16].into());
        while client.may_ask() {
            client.answer(&answer);
        }
        assert_eq!(client.interest(), PollFlags::OUT);
    }
}
