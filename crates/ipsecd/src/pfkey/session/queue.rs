//! The messages that wait for a client.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use rustix::io::Errno;
use tracing::warn;
use zeroize::Zeroizing;

use super::SessionId;

/// A message on the wire, wiped when the last queue that contains it drops it.
pub(in crate::pfkey) type Packet = Arc<Zeroizing<Vec<u8>>>;

/// Messages that are sent by one system call.
const SENT_AT_ONCE: usize = 64;

/// The queue of one client.
pub(super) struct SendQueue {
    /// For the log.
    client: SessionId,
    packets: VecDeque<Packet>,
    /// The size of the messages.
    bytes: usize,
    /// The socket has no room for the first message.
    is_blocked: bool,
    /// Messages dropped since the queue was last empty.
    dropped: u64,
    /// Messages dropped since the client has connected.
    lost: u64,
}

impl SendQueue {
    pub(super) fn new(client: SessionId) -> Self {
        let packets = VecDeque::new();
        Self { client, packets, bytes: 0, is_blocked: false, dropped: 0, lost: 0 }
    }

    /// Continues the count of dropped messages.
    pub(super) fn restore_lost(&mut self, lost: u64) {
        self.lost = lost;
    }

    /// The size of the messages, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
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

    /// Adds a message, or drops it if more than `limit` bytes wait.
    pub(super) fn push(&mut self, packet: &Packet, limit: usize) {
        if self.bytes > limit {
            if self.dropped == 0 {
                let client = self.client.number();
                warn!(client, queued_bytes = self.bytes, "client too slow, messages dropped");
            }
            self.dropped += 1;
            self.lost += 1;
            return;
        }
        self.bytes += packet.len();
        self.packets.push_back(Arc::clone(packet));
    }

    /// Sends messages until the socket has no room.
    ///
    /// Errors: those of sendmmsg(2).
    pub(super) fn flush(&mut self, socket: &OwnedFd) -> Result<(), Errno> {
        while !self.packets.is_empty() {
            let packets = self.packets.iter().take(SENT_AT_ONCE);
            match sys::datagrams::send(socket.as_fd(), packets.map(|packet| packet.as_slice())) {
                Ok(sent) => {
                    let sent = self.packets.drain(..sent);
                    self.bytes -= sent.map(|packet| packet.len()).sum::<usize>();
                }
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
        }
        Ok(())
    }

    /// Removes all messages.
    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.bytes = 0;
    }
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
        while session.queue.bytes <= MAX_QUEUED_BROADCASTS {
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
        assert_eq!((session.queue.bytes, session.queue.dropped, session.queue.lost), (0, 0, 1));
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
        assert!(session.queue.bytes <= MAX_QUEUED_ANSWERS + answer.len());
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
        assert_eq!((session.queue.bytes, session.queue.lost), (0, 0));
    }
}
