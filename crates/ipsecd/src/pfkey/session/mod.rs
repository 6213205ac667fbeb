//! One client's connection.

pub(super) mod peer;
pub(super) mod requests;

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use rustix::{event::PollFlags, io::Errno};
use sys::datagrams::Inbox;
use tracing::{debug, warn};
use zeroize::Zeroizing;

use super::dump::Dump;
use peer::Peer;
use requests::{Datagram, Found, Requests};

/// A message on the wire, wiped when the last queue that contains it drops it.
pub(super) type Packet = Arc<Zeroizing<Vec<u8>>>;

/// Bytes in the queue from which on broadcasts are dropped.
const MAX_QUEUED_BROADCASTS: usize = 1 << 20;

/// Bytes in the queue from which on answers are dropped. The requests are carried out all the same,
/// as AF_KEY does.
const MAX_QUEUED_ANSWERS: usize = 8 << 20;

/// Messages that are sent by one system call.
const SENT_AT_ONCE: usize = 64;

/// The number of a session, which no other session of the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SessionId(u64);

impl SessionId {
    pub(super) fn new(number: u64) -> Self {
        Self(number)
    }

    /// For the log.
    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// What can be sent to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its socket has room.
    Open,
    /// Its socket has no room for the first message of the queue.
    Blocked,
    /// The client has closed its socket: nothing can be sent, but requests may be queued.
    Closed,
    /// Closed, and all requests were carried out.
    Ended,
}

/// The connection of a client: one socket of AF_KEY.
pub(super) struct Session {
    id: SessionId,
    /// The process that has connected, as it was then.
    peer: Peer,
    socket: OwnedFd,
    /// The requests in the socket's queue.
    requests: Requests,
    /// Messages to send.
    queue: VecDeque<Packet>,
    /// The size of the queue in bytes.
    queued: usize,
    state: State,
    /// A bit for each SA type that the client has registered.
    registered: u16,
    /// The client gets every message, and those for itself twice.
    is_promiscuous: bool,
    /// The dump in progress.
    dump: Option<Dump>,
    /// Messages dropped since the queue was last empty.
    dropped: u64,
    /// Messages dropped since the client has connected.
    lost: u64,
}

/// What a session had in the previous daemon.
pub(super) struct Restored {
    pub(super) registered: u16,
    pub(super) is_promiscuous: bool,
    pub(super) lost: u64,
    pub(super) waiting: Vec<Packet>,
}

impl Session {
    pub(super) fn new(id: SessionId, socket: OwnedFd, peer: Peer) -> Self {
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
            dropped: 0,
            lost: 0,
        }
    }

    /// Continues a session of the previous daemon.
    pub(super) fn restore(&mut self, restored: &Restored) {
        self.registered = restored.registered;
        self.is_promiscuous = restored.is_promiscuous;
        self.lost = restored.lost;
        for packet in &restored.waiting {
            self.keep(packet);
        }
    }

    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    /// The process that has connected, as it was then.
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The size of the messages that wait, in bytes.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// The number of messages that were dropped since the client has connected.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// A bit for each SA type that the client has registered.
    pub(super) fn registered(&self) -> u16 {
        self.registered
    }

    /// Registers an SA type; false if it is registered. AF_KEY registers nothing for type 0.
    pub(super) fn register(&mut self, satype: u8) -> bool {
        let bit = if satype == 0 { 0 } else { 1 << satype };
        let is_new = self.registered & bit == 0;
        self.registered |= bit;
        is_new
    }

    /// Whether the client gets every message.
    pub(super) fn is_promiscuous(&self) -> bool {
        self.is_promiscuous
    }

    pub(super) fn set_promiscuous(&mut self, is_promiscuous: bool) {
        self.is_promiscuous = is_promiscuous;
    }

    /// Whether the client has registered an SA type, or gets every message.
    pub(super) fn is_registered(&self) -> bool {
        self.registered != 0 || self.is_promiscuous
    }

    /// The dump in progress; [`Session::set_dump`] ends it.
    pub(super) fn dump(&mut self) -> Option<&mut Dump> {
        self.dump.as_mut()
    }

    /// Starts a dump, or ends the one in progress.
    pub(super) fn set_dump(&mut self, dump: Option<Dump>) {
        self.dump = dump;
    }

    /// The events to poll(2) for.
    pub(super) fn interest(&self) -> PollFlags {
        let mut flags = PollFlags::IN;
        flags.set(PollFlags::OUT, !self.queue.is_empty() || self.dump.is_some());
        flags
    }

    /// Whether the socket has room, as far as is known.
    pub(super) fn has_room(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the session can be removed.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Queues an answer or an entry of a dump for [`Session::flush`]. It is dropped if far too much
    /// waits.
    pub(super) fn answer(&mut self, packet: &Packet) {
        self.push(packet, MAX_QUEUED_ANSWERS);
    }

    /// Queues a message about another program's change. It is dropped earlier than an answer: AF_KEY
    /// drops it as well.
    pub(super) fn broadcast(&mut self, packet: &Packet) {
        self.push(packet, MAX_QUEUED_BROADCASTS);
    }

    /// Queues a message that is never dropped.
    pub(super) fn keep(&mut self, packet: &Packet) {
        self.push(packet, usize::MAX);
    }

    fn push(&mut self, packet: &Packet, limit: usize) {
        if matches!(self.state, State::Closed | State::Ended) {
            return;
        }
        if self.queued > limit {
            return self.drop_message();
        }
        self.queued += packet.len();
        self.queue.push_back(Arc::clone(packet));
        if self.queue.len() >= SENT_AT_ONCE && self.has_room() {
            self.flush();
        }
    }

    fn drop_message(&mut self) {
        if self.dropped == 0 {
            warn!(
                client = self.id.0,
                queued_bytes = self.queued,
                "client too slow, messages dropped"
            );
        }
        self.dropped += 1;
        self.lost += 1;
    }

    /// The messages that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Packet> {
        self.queue.iter()
    }

    /// Sends the messages that wait, as far as there is room.
    pub(super) fn flush(&mut self) {
        while !self.queue.is_empty() {
            let packets = self.queue.iter().take(SENT_AT_ONCE);
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
                    debug!(client = self.id.0, %errno, "send failed");
                    return self.close();
                }
            }
        }
        if self.state == State::Blocked {
            self.state = State::Open;
        }
        if self.dropped != 0 {
            warn!(client = self.id.0, dropped = self.dropped, "client caught up");
            self.dropped = 0;
        }
    }

    /// Nothing can be sent any more.
    fn close(&mut self) {
        self.state = State::Closed;
        self.queue.clear();
        self.queued = 0;
        self.dump = None;
    }

    /// Ends the session: all requests were carried out.
    pub(super) fn end(&mut self) {
        self.close();
        self.state = State::Ended;
    }

    /// Looks at the next requests in the socket's queue.
    pub(super) fn look(&self, inbox: &mut Inbox) -> Found {
        Requests::look(self.socket.as_fd(), inbox)
    }

    /// What the next datagram is that [`Session::look`] has found. It is `given` bytes long, and the
    /// inbox has room for `room` bytes of it. To be called for each, in order.
    pub(super) fn next_datagram(&mut self, given: usize, room: usize) -> Datagram {
        self.requests.next(self.socket.as_fd(), given, room)
    }

    /// Removes the requests that were answered from the socket's queue, which the client may wait
    /// for.
    pub(super) fn remove_requests(&mut self) {
        self.requests.remove(&self.socket);
    }
}

impl AsFd for Session {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};

    use super::*;

    fn pair() -> (Session, OwnedFd) {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        (Session::new(SessionId(1), ours, Peer::default()), theirs)
    }

    fn read(socket: &OwnedFd) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 4096];
        let (_, length) = recv(socket, &mut buffer[..], RecvFlags::DONTWAIT).ok()?;
        buffer.truncate(length);
        Some(buffer)
    }

    #[test]
    fn answers_wait_and_broadcasts_are_dropped() {
        let (mut session, theirs) = pair();
        let (answer, broadcast) =
            (Packet::new(vec![1; 1000].into()), Packet::new(vec![2; 1000].into()));
        let mut answers = 0;
        while session.queued <= MAX_QUEUED_BROADCASTS {
            session.answer(&answer);
            answers += 1;
        }
        session.broadcast(&broadcast);
        session.answer(&answer);
        assert_eq!(session.dropped, 1);
        assert!(session.interest().contains(PollFlags::IN | PollFlags::OUT));
        let mut read_back = 0;
        while let Some(bytes) = read(&theirs) {
            assert_eq!(bytes, **answer);
            read_back += 1;
            session.flush();
        }
        assert_eq!(read_back, answers + 1);
        assert_eq!((session.queued, session.dropped, session.lost), (0, 0, 1));
        session.broadcast(&broadcast);
        session.flush();
        assert_eq!(read(&theirs), Some(broadcast.to_vec()));
    }

    #[test]
    fn the_queue_of_a_client_that_never_reads_is_limited() {
        let (mut session, _theirs) = pair();
        let answer = Packet::new(vec![1; 1 << 16].into());
        for _ in 0..1000 {
            session.answer(&answer);
        }
        assert!(session.queued <= MAX_QUEUED_ANSWERS + answer.len());
        assert!(session.lost > 0);
        assert!(session.interest().contains(PollFlags::IN), "its requests are carried out");
    }

    #[test]
    fn nothing_is_queued_for_a_client_that_has_closed_its_socket() {
        let (mut session, theirs) = pair();
        drop(theirs);
        session.answer(&Packet::new(vec![1; 100].into()));
        session.flush();
        assert_eq!(session.state, State::Closed);
        session.answer(&Packet::new(vec![1; 100].into()));
        assert_eq!((session.queued, session.lost), (0, 0));
    }
}
