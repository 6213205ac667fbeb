//! One client's connection.

pub(super) mod peer;
mod queue;
pub(super) mod requests;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use sys::datagrams::Inbox;
use tracing::debug;

use super::dump::ClientDump;
use peer::Peer;
use queue::SendQueue;
use requests::{InboxItem, ReadResult, Requests};

pub(super) use queue::{Packet, QueuedMemory};

/// Memory of the queue, in bytes, from which on broadcasts are dropped.
const MAX_QUEUED_BROADCASTS: usize = 1 << 20;

/// Memory of the queue, in bytes, from which on answers are dropped. The requests are carried out all the same,
/// as AF_KEY does.
const MAX_QUEUED_ANSWERS: usize = 8 << 20;

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
    /// Messages, when its socket has room.
    Open,
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
    queue: SendQueue,
    state: State,
    /// A bit for each SA type that the client has registered.
    registered: u16,
    /// The client gets every message, and those for itself twice.
    is_promiscuous: bool,
    /// The dump in progress.
    dump: Option<ClientDump>,
    /// Its socket is stored for a crash.
    is_stored: bool,
}

/// What a session had in the previous daemon.
pub(super) struct RestoredSession {
    pub(super) registered: u16,
    pub(super) is_promiscuous: bool,
    pub(super) lost: u64,
    pub(super) waiting: Vec<Packet>,
    /// Bytes of the first requests in the queue that a daemon which has crashed may have carried out.
    pub(super) repeated: u64,
}

impl Session {
    pub(super) fn new(
        id: SessionId,
        socket: OwnedFd,
        peer: Peer,
        memory_of_all: QueuedMemory,
    ) -> Self {
        Self {
            id,
            peer,
            socket,
            requests: Requests::default(),
            queue: SendQueue::new(id, memory_of_all),
            state: State::Open,
            registered: 0,
            is_promiscuous: false,
            dump: None,
            is_stored: false,
        }
    }

    /// Continues a session of the previous daemon.
    pub(super) fn restore(&mut self, restored: &RestoredSession) {
        self.registered = restored.registered;
        self.is_promiscuous = restored.is_promiscuous;
        self.queue.restore_lost(restored.lost);
        for packet in &restored.waiting {
            self.keep(packet);
        }
        self.requests = Requests::restored(restored.repeated);
    }

    /// Whether its socket is stored for a crash.
    pub(super) fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// Its socket is stored for a crash.
    pub(super) fn set_stored(&mut self) {
        self.is_stored = true;
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
        self.queue.bytes()
    }

    /// The number of messages that were dropped since the client has connected.
    pub(super) fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// Bytes of the next requests that a daemon which has crashed may have carried out.
    pub(super) fn repeated(&self) -> u64 {
        self.requests.repeated()
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
    pub(super) fn dump(&mut self) -> Option<&mut ClientDump> {
        self.dump.as_mut()
    }

    /// Starts a dump, or ends the one in progress.
    pub(super) fn set_dump(&mut self, dump: Option<ClientDump>) {
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
        self.state == State::Open && self.queue.has_room()
    }

    /// Whether the session can be removed.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Queues an answer or an entry of a dump for [`Session::flush`]. It is dropped if far too much
    /// waits.
    pub(super) fn answer(&mut self, packet: &Packet) {
        self.push(packet, Some(MAX_QUEUED_ANSWERS));
    }

    /// Queues a message about another program's change. It is dropped earlier than an answer: AF_KEY
    /// drops it as well.
    pub(super) fn broadcast(&mut self, packet: &Packet) {
        self.push(packet, Some(MAX_QUEUED_BROADCASTS));
    }

    /// Queues a message that is never dropped.
    pub(super) fn keep(&mut self, packet: &Packet) {
        self.push(packet, None);
    }

    fn push(&mut self, packet: &Packet, limit: Option<usize>) {
        if self.state != State::Open {
            return;
        }
        self.queue.push(packet, limit);
        if self.queue.is_worth_sending() && self.has_room() {
            self.flush();
        }
    }

    /// The messages that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Packet> {
        self.queue.packets()
    }

    /// Sends the messages that wait, as far as there is room.
    pub(super) fn flush(&mut self) {
        if let Err(errno) = self.queue.flush(&self.socket) {
            debug!(client = self.id.0, %errno, "send failed");
            self.close();
        }
    }

    /// Nothing can be sent any more.
    fn close(&mut self) {
        self.state = State::Closed;
        self.queue.clear();
        self.dump = None;
    }

    /// Ends the session: all requests were carried out.
    pub(super) fn end(&mut self) {
        self.close();
        self.state = State::Ended;
    }

    /// Looks at the next requests in the socket's queue.
    pub(super) fn look(&self, inbox: &mut Inbox) -> ReadResult {
        Requests::look(self.socket.as_fd(), inbox)
    }

    /// What the next datagram is that [`Session::look`] has found. It is `given` bytes long, and the
    /// inbox has room for `room` bytes of it. To be called for each, in order.
    pub(super) fn next_datagram(&mut self, given: usize, room: usize) -> InboxItem {
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
