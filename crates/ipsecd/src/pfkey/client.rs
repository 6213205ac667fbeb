use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use rustix::{event::PollFlags, io::Errno};
use sys::datagrams::Inbox;
use tracing::{debug, warn};
use zeroize::Zeroizing;

use super::{
    dump::Dump,
    peer::Peer,
    requests::{Datagram, Found, Requests},
};

/// A message on the wire, wiped when the last queue that holds it lets it go.
pub(super) type Packet = Arc<Zeroizing<Vec<u8>>>;

/// Bytes that may wait for a client before it misses what others do.
const MOST_FOR_NEWS: usize = 1 << 20;

/// Bytes that may wait for a client before it misses the answers to its own requests. They are carried
/// out all the same, as AF_KEY does.
const MOST_FOR_ANSWERS: usize = 8 << 20;

/// Messages that are sent at once.
const AT_ONCE: usize = 64;

/// A number that no two clients of a service have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ClientId(pub(super) u64);

/// What can be sent to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its socket has room.
    Open,
    /// Its socket has no room for the first message of the queue.
    Blocked,
    /// It has closed its socket: nothing can be sent, but requests may be queued.
    Closed,
    /// All that it has sent was carried out, and nothing will come.
    Parted,
}

/// A program that has connected: one socket of AF_KEY.
pub(super) struct Client {
    pub(super) id: ClientId,
    /// Who it was when it connected.
    pub(super) peer: Peer,
    socket: OwnedFd,
    /// What it has sent.
    requests: Requests,
    /// What is to be sent.
    queue: VecDeque<Packet>,
    /// Bytes of it.
    pub(super) queued: usize,
    state: State,
    /// A bit for each SA type that it has registered.
    pub(super) registered: u16,
    /// It hears everything, and what is meant for it twice.
    pub(super) is_promiscuous: bool,
    /// The dump under way.
    pub(super) dump: Option<Dump>,
    /// Messages that it has missed since it read too slowly.
    missed: u64,
    /// The same since it connected.
    pub(super) lost: u64,
}

impl Client {
    pub(super) fn new(id: ClientId, socket: OwnedFd, peer: Peer) -> Self {
        Self {
            id,
            peer,
            socket,
            requests: Requests::default(),
            queue: VecDeque::new(),
            queued: 0,
            state: State::Open,
            registered: 0,
            is_promiscuous: false,
            dump: None,
            missed: 0,
            lost: 0,
        }
    }

    /// What to wait for.
    pub(super) fn interest(&self) -> PollFlags {
        let mut flags = PollFlags::IN;
        flags.set(PollFlags::OUT, !self.queue.is_empty() || self.dump.is_some());
        flags
    }

    /// Whether there is room in its socket, for all that is known.
    pub(super) fn has_room(&self) -> bool {
        self.state == State::Open
    }

    /// Whether it has registered for SAs of some type, or hears everything.
    pub(super) fn is_registered(&self) -> bool {
        self.registered != 0 || self.is_promiscuous
    }

    /// Whether nothing will come from it.
    pub(super) fn has_parted(&self) -> bool {
        self.state == State::Parted
    }

    /// Has an answer or the entry of a dump wait for [`Client::flush`]. It is lost if far too much
    /// waits already.
    pub(super) fn answer(&mut self, packet: &Packet) {
        self.push(packet, MOST_FOR_ANSWERS);
    }

    /// As [`Client::answer`], of what another did, which is lost earlier: AF_KEY loses it as well.
    pub(super) fn tell(&mut self, packet: &Packet) {
        self.push(packet, MOST_FOR_NEWS);
    }

    fn push(&mut self, packet: &Packet, most: usize) {
        if matches!(self.state, State::Closed | State::Parted) {
            return;
        }
        if self.queued > most {
            return self.miss();
        }
        self.queued += packet.len();
        self.queue.push_back(Arc::clone(packet));
        if self.queue.len() >= AT_ONCE && self.has_room() {
            self.flush();
        }
    }

    fn miss(&mut self) {
        if self.missed == 0 {
            warn!(client = self.id.0, "it reads too slowly and misses messages");
        }
        self.missed += 1;
        self.lost += 1;
    }

    /// As [`Client::answer`], however much waits.
    pub(super) fn keep(&mut self, packet: &Packet) {
        self.push(packet, usize::MAX);
    }

    /// What waits.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Packet> {
        self.queue.iter()
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self) {
        while !self.queue.is_empty() {
            let packets = self.queue.iter().take(AT_ONCE);
            match sys::datagrams::send(&self.socket, packets.map(|packet| packet.as_slice())) {
                Ok(sent) => {
                    let sent = self.queue.drain(..sent);
                    self.queued -= sent.map(|packet| packet.len()).sum::<usize>();
                }
                Err(Errno::AGAIN) => {
                    self.state = State::Blocked;
                    return;
                }
                Err(errno) => {
                    debug!(client = self.id.0, %errno, "sending failed");
                    return self.close();
                }
            }
        }
        if self.state == State::Blocked {
            self.state = State::Open;
        }
        if self.missed != 0 {
            warn!(client = self.id.0, missed = self.missed, "it has caught up");
            self.missed = 0;
        }
    }

    /// Nothing can be sent to it any more.
    fn close(&mut self) {
        self.state = State::Closed;
        self.queue.clear();
        self.queued = 0;
        self.dump = None;
    }

    /// All that it has sent was carried out.
    pub(super) fn part(&mut self) {
        self.close();
        self.state = State::Parted;
    }

    /// Looks at its next requests.
    pub(super) fn look(&self, inbox: &mut Inbox) -> Found {
        Requests::look(self.socket.as_fd(), inbox)
    }

    /// What a datagram is that [`Client::look`] has found, `given` bytes long; in order.
    pub(super) fn next_datagram(&mut self, given: usize, room: usize) -> Datagram {
        self.requests.next(self.socket.as_fd(), given, room)
    }

    /// Lets it know that its requests have been answered.
    pub(super) fn take_requests(&mut self) {
        self.requests.take(&self.socket);
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};

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
    fn a_client_that_never_reads_takes_no_more_memory() {
        let (mut client, _theirs) = pair();
        let answer = Packet::new(vec![1; 1 << 16].into());
        for _ in 0..1000 {
            client.answer(&answer);
        }
        assert!(client.queued <= MOST_FOR_ANSWERS + answer.len());
        assert!(client.lost > 0);
        assert!(client.interest().contains(PollFlags::IN), "its requests are carried out");
    }

    #[test]
    fn nothing_waits_for_a_client_that_has_closed_its_socket() {
        let (mut client, theirs) = pair();
        drop(theirs);
        client.answer(&Packet::new(vec![1; 100].into()));
        client.flush();
        assert_eq!(client.state, State::Closed);
        client.answer(&Packet::new(vec![1; 100].into()));
        assert_eq!((client.queued, client.lost), (0, 0));
    }
}
