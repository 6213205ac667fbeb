//! The messages that wait for a client.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::io::Errno;
use tracing::warn;
use zeroize::Zeroizing;

use super::SessionId;

/// A message on the wire, wiped when the last queue that contains it drops it.
pub(in crate::pfkey) type Packet = Arc<Zeroizing<Vec<u8>>>;

/// Messages that are sent by one system call.
const SENT_AT_ONCE: usize = 64;

/// The memory of a message beside its bytes: its `Arc` and its place in a queue, with the headers of
/// the allocator. In bytes.
const OVERHEAD: usize = 96;

/// The memory of all queues together, from which on a client with more than [`SHARE`] gets no further
/// messages. In bytes.
const MAX_OF_ALL: usize = 64 << 20;

/// The memory that each client may use, whatever others do. In bytes.
const SHARE: usize = 128 << 10;

/// The memory of the messages in all queues of a server, in bytes. A message in several queues counts
/// in each.
#[derive(Debug, Clone, Default)]
pub(in crate::pfkey) struct QueuedMemory(Arc<AtomicUsize>);

impl QueuedMemory {
    pub(in crate::pfkey) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The queue of one client.
pub(super) struct SendQueue {
    /// For the log.
    client: SessionId,
    packets: VecDeque<Packet>,
    /// The memory of the messages, in bytes.
    memory: usize,
    /// The memory of all queues.
    memory_of_all: QueuedMemory,
    /// The socket has no room for the first message.
    is_blocked: bool,
    /// Messages dropped since the queue was last empty.
    dropped: u64,
    /// Messages dropped since the client has connected.
    lost: u64,
}

impl SendQueue {
    pub(super) fn new(client: SessionId, memory_of_all: QueuedMemory) -> Self {
        Self {
            client,
            packets: VecDeque::new(),
            memory: 0,
            memory_of_all,
            is_blocked: false,
            dropped: 0,
            lost: 0,
        }
    }

    /// Continues the count of dropped messages.
    pub(super) fn restore_lost(&mut self, lost: u64) {
        self.lost = lost;
    }

    /// The size of the messages, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.packets.iter().map(|packet| packet.len()).sum()
    }

    /// The number of messages dropped since the client has connected.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(super) fn packets(&self) -> impl Iterator<Item = &Packet> {
        self.packets.iter()
    }

    /// Whether the socket has room, as far as is known.
    pub(super) fn has_room(&self) -> bool {
        !self.is_blocked
    }

    /// Whether there are enough messages for a system call.
    pub(super) fn is_worth_sending(&self) -> bool {
        self.packets.len() >= SENT_AT_ONCE
    }

    /// Adds a message, or drops it if the queue takes more than `limit` bytes of memory, or those of all
    /// clients take too much. Without a limit it is never dropped.
    pub(super) fn push(&mut self, packet: &Packet, limit: Option<usize>) {
        let is_too_much = |limit: usize| {
            self.memory > limit || self.memory > SHARE && self.memory_of_all.bytes() > MAX_OF_ALL
        };
        if limit.is_some_and(is_too_much) {
            if self.dropped == 0 {
                let client = self.client.number();
                warn!(client, queued_bytes = self.bytes(), "client too slow, messages dropped");
            }
            self.dropped += 1;
            self.lost += 1;
            return;
        }
        let memory = memory(packet);
        self.memory += memory;
        self.memory_of_all.add(memory);
        self.packets.push_back(Arc::clone(packet));
    }

    /// Sends messages until the socket has no room.
    ///
    /// Errors: those of sendmmsg(2).
    pub(super) fn flush(&mut self, socket: &OwnedFd) -> Result<(), Errno> {
        while !self.packets.is_empty() {
            let packets = self.packets.iter().take(SENT_AT_ONCE);
            match sys::datagrams::send(socket.as_fd(), packets.map(|packet| packet.as_slice())) {
                Ok(sent) => self.remove(sent),
                Err(Errno::AGAIN) => {
                    self.is_blocked = true;
                    return Ok(());
                }
                Err(errno) => return Err(errno),
            }
        }
        self.is_blocked = false;
        if self.dropped != 0 {
            warn!(client = self.client.number(), dropped = self.dropped, "client caught up");
            self.dropped = 0;
            self.packets.shrink_to(SENT_AT_ONCE);
        }
        Ok(())
    }

    /// Removes the first messages.
    fn remove(&mut self, count: usize) {
        let removed = self.packets.drain(..count).map(|packet| memory(&packet)).sum();
        self.memory -= removed;
        self.memory_of_all.subtract(removed);
    }

    /// Removes all messages.
    pub(super) fn clear(&mut self) {
        self.remove(self.packets.len());
    }
}

impl Drop for SendQueue {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The memory of a message, in bytes.
fn memory(packet: &Packet) -> usize {
    packet.capacity() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use rustix::{
        event::PollFlags,
        net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair},
    };

    use super::*;
    use crate::pfkey::session::{
        MAX_QUEUED_ANSWERS, MAX_QUEUED_BROADCASTS, Session, State, peer::Peer,
    };

    fn pair() -> (Session, OwnedFd) {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        (Session::new(SessionId(1), ours, Peer::default(), QueuedMemory::default()), theirs)
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
        while session.queue.memory <= MAX_QUEUED_BROADCASTS {
            session.answer(&answer);
            answers += 1;
        }
        session.broadcast(&broadcast);
        session.answer(&answer);
        assert_eq!(session.queue.dropped, 1);
        assert!(session.interest().contains(PollFlags::IN | PollFlags::OUT));
        let mut read_back = 0;
        while let Some(bytes) = read(&theirs) {
            assert_eq!(bytes, **answer);
            read_back += 1;
            session.flush();
        }
        assert_eq!(read_back, answers + 1);
        let SendQueue { memory, dropped, lost, .. } = session.queue;
        assert_eq!((memory, dropped, lost), (0, 0, 1));
        session.broadcast(&broadcast);
        session.flush();
        assert_eq!(read(&theirs), Some(broadcast.to_vec()));
    }

    #[test]
    fn the_queue_of_a_client_that_never_reads_is_limited() {
        let (mut session, _theirs) = pair();
        // Most of its memory is bookkeeping.
        let answer = Packet::new(vec![1; 16].into());
        for _ in 0..MAX_QUEUED_ANSWERS / 16 {
            session.answer(&answer);
        }
        assert!(session.queue.memory <= MAX_QUEUED_ANSWERS + memory(&answer));
        assert!(session.queue.packets.len() < MAX_QUEUED_ANSWERS / OVERHEAD);
        assert!(session.queue.lost > 0);
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
        assert_eq!((session.queue.memory, session.queue.lost), (0, 0));
    }

    #[test]
    fn all_queues_together_are_limited_and_each_client_has_a_share() {
        let all = QueuedMemory::default();
        let answer = Packet::new(vec![1; 1000].into());
        let mut queues: Vec<_> =
            (1..20).map(|id| SendQueue::new(SessionId(id), all.clone())).collect();
        for queue in &mut queues {
            for _ in 0..MAX_QUEUED_ANSWERS / 1000 {
                queue.push(&answer, Some(MAX_QUEUED_ANSWERS));
            }
        }
        assert!(all.bytes() <= MAX_OF_ALL + queues.len() * (SHARE + memory(&answer)));
        assert!(queues.iter().all(|queue| queue.memory >= SHARE));
        drop(queues);
        assert_eq!(all.bytes(), 0);
    }
}
