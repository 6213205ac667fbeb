use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use datagrams::{Inbox, Wait};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, retry_on_intr},
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

/// Messages that are sent at once.
const AT_ONCE: usize = 64;

/// A number that no two clients of a service have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ClientId(pub(super) u64);

/// A program that has connected: one socket of AF_KEY.
pub(super) struct Client {
    pub(super) id: ClientId,
    /// Who it was when it connected.
    pub(super) peer: Peer,
    socket: OwnedFd,
    /// What is to be sent.
    queue: VecDeque<Packet>,
    /// Bytes of it.
    pub(super) queued: usize,
    /// Its socket has no room for the first of them.
    is_blocked: bool,
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
    /// What is in the inbox.
    Datagrams,
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
            is_blocked: false,
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

    /// Whether its socket has no room.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// Whether there is room for the next entry of a dump.
    pub(super) fn has_room(&self) -> bool {
        !self.is_blocked && !self.is_gone
    }

    /// Whether another request may be taken from it.
    pub(super) fn may_ask(&self) -> bool {
        self.queued < MOST_FOR_REQUESTS && !self.is_gone
    }

    /// Has an answer or the entry of a dump wait for [`Client::flush`].
    pub(super) fn answer(&mut self, packet: &Packet) {
        if self.is_gone {
            return;
        }
        self.queued += packet.len();
        self.queue.push_back(Arc::clone(packet));
        if self.queue.len() >= AT_ONCE && !self.is_blocked {
            self.flush();
        }
    }

    /// As [`Client::answer`], of what another did, unless too much waits already: AF_KEY loses it as well.
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
        while !self.queue.is_empty() {
            let packets = self.queue.iter().take(AT_ONCE);
            match datagrams::send(&self.socket, packets.map(|packet| packet.as_slice())) {
                Ok(sent) => {
                    let sent = self.queue.drain(..sent);
                    self.queued -= sent.map(|packet| packet.len()).sum::<usize>();
                }
                Err(Errno::AGAIN) => {
                    self.is_blocked = true;
                    return;
                }
                Err(errno) => {
                    debug!(client = self.id.0, %errno, "sending failed");
                    return self.hang_up();
                }
            }
        }
        self.is_blocked = false;
        if self.missed != 0 {
            warn!(client = self.id.0, missed = self.missed, "it has caught up");
            self.missed = 0;
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.is_gone = true;
        self.queue.clear();
        (self.queued, self.is_blocked) = (0, false);
        self.dump = None;
    }

    /// The next requests.
    pub(super) fn receive(&self, inbox: &mut Inbox) -> Received {
        match inbox.receive(&self.socket, Wait::No) {
            Ok(()) => Received::Datagrams,
            Err(Errno::AGAIN) => Received::Nothing,
            Err(errno) => {
                debug!(client = self.id.0, %errno, "receiving failed");
                Received::End
            }
        }
    }

    /// Tells the end of the conversation from an empty datagram.
    pub(super) fn has_hung_up(&self) -> bool {
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
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
    };

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
        let mut inbox = Inbox::new(4, 8);
        assert_eq!(client.receive(&mut inbox), Received::Nothing);
        for length in [0, 20] {
            send(&theirs, &vec![7; length], SendFlags::empty()).unwrap();
        }
        assert_eq!(client.receive(&mut inbox), Received::Datagrams);
        assert_eq!((inbox.count(), inbox.length(0), inbox.length(1)), (2, 0, 20));
        assert!(!client.has_hung_up());
        drop(theirs);
        assert_eq!(client.receive(&mut inbox), Received::Datagrams);
        assert!(inbox.length(0) == 0 && client.has_hung_up());
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
        client.flush();
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
