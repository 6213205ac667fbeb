//! The clients' sessions, and which of them get a message.

use std::{collections::BTreeSet, os::fd::OwnedFd};

use model::{Event, PolicyEntry};
use pfkey::Message;
use tracing::{debug, warn};
use zeroize::Zeroizing;

use super::session::{Packet, QueuedMemory, Session, SessionId, peer::Peer};

/// The clients that get a message (`pfkey_broadcast`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// All (`BROADCAST_ALL`).
    All,
    /// This one, and the promiscuous (`BROADCAST_ONE`).
    One(SessionId),
    /// This one alone: AF_KEY answers by the errno of `send(2)`, which no other socket gets.
    Only(SessionId),
    /// Those that have registered any SA type, and this one (`BROADCAST_REGISTERED`).
    Registered(Option<SessionId>),
    /// The promiscuous (`BROADCAST_PROMISC_ONLY`).
    Promiscuous,
}

impl Audience {
    /// The clients that get an event. Only those that have registered get ACQUIREs, expiries of SAs
    /// and NAT mappings.
    pub(super) fn of(event: &Event) -> Self {
        match event {
            Event::SaExpired { .. } | Event::Acquire(_) | Event::MappingChanged(_) => {
                Audience::Registered(None)
            }
            _ => Audience::All,
        }
    }

    fn includes(self, session: &Session) -> bool {
        match self {
            Audience::All => true,
            Audience::One(id) | Audience::Only(id) => session.id() == id,
            Audience::Registered(one) => session.registered() != 0 || one == Some(session.id()),
            Audience::Promiscuous => false,
        }
    }
}

/// The sessions of all clients.
#[derive(Default)]
pub(super) struct Sessions {
    list: Vec<Session>,
    last: u64,
    /// The memory of the messages that wait.
    memory: QueuedMemory,
    /// The most memory that they had since memory was given back, in bytes.
    peak: usize,
}

/// Memory, in bytes, below which freed memory is kept for the next messages.
const KEPT_MEMORY: usize = 4 << 20;

impl Sessions {
    /// Adds the session of a client that has connected.
    pub(super) fn add(&mut self, socket: OwnedFd, peer: Peer) -> SessionId {
        self.last += 1;
        let id = SessionId::new(self.last);
        self.list.push(Session::new(id, socket, peer, self.memory.clone()));
        id
    }

    /// Removes the sessions that have ended.
    pub(super) fn remove_ended(&mut self) {
        self.list.retain(|session| {
            if session.has_ended() {
                debug!(client = session.id().number(), "client closed");
            }
            !session.has_ended()
        });
    }

    /// Returns memory to the kernel once most of the messages were sent or dropped with their clients.
    pub(super) fn give_back_memory(&mut self) {
        let now = self.memory.bytes();
        self.peak = self.peak.max(now);
        if self.peak > KEPT_MEMORY && now < self.peak / 4 {
            sys::memory::give_back();
            self.peak = now;
        }
    }

    /// The number of clients.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// Sends the messages that wait, as far as there is room.
    pub(super) fn flush(&mut self) {
        self.list.iter_mut().filter(|session| session.has_room()).for_each(Session::flush);
    }

    /// Reads the rest of all dumps and queues it with the other answers. `requested` completes a
    /// partial policy.
    pub(super) fn finish_dumps(&mut self, mut requested: impl FnMut(PolicyEntry) -> PolicyEntry) {
        for session in &mut self.list {
            while let Some(message) = session.dump().and_then(|dump| dump.next(&mut requested)) {
                match message.encode() {
                    Ok(bytes) => session.keep(&Packet::new(bytes)),
                    Err(error) => warn!(%error, ?message, "message not sent"),
                }
            }
            session.set_dump(None);
        }
    }

    /// Removes the requests that were answered from the sockets' queues.
    pub(super) fn remove_requests(&mut self) {
        self.list.iter_mut().for_each(Session::remove_requests);
    }

    /// The clients that have registered any SA type, or get every message.
    pub(super) fn registered(&self) -> impl Iterator<Item = &Session> {
        self.list.iter().filter(|session| session.is_registered())
    }

    /// The sockets to store for a crash that are not stored yet: of those clients, and the others of their processes. A
    /// key daemon may register one socket and send its requests on another, as strongSwan does.
    pub(super) fn not_stored(&mut self) -> impl Iterator<Item = &mut Session> {
        let processes: BTreeSet<_> = self.registered().map(|session| session.peer().pid).collect();
        let is_kept = move |session: &Session| processes.contains(&session.peer().pid);
        self.list.iter_mut().filter(move |session| !session.is_stored() && is_kept(session))
    }

    /// The clients that are not of [`Sessions::registered`].
    pub(super) fn others(&self) -> impl Iterator<Item = &Session> {
        self.list.iter().filter(|session| !session.is_registered())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.list.iter()
    }

    pub(super) fn get(&mut self, id: SessionId) -> Option<&mut Session> {
        self.list.iter_mut().find(|session| session.id() == id)
    }

    /// Whether a client makes the SAs that packets need (`pfkey_is_alive`).
    pub(super) fn any_registered(&self) -> bool {
        self.list.iter().any(|session| session.registered() != 0)
    }

    pub(super) fn any_promiscuous(&self) -> bool {
        self.list.iter().any(Session::is_promiscuous)
    }

    /// Sends a message to its audience. `requester` is the client whose request the message answers:
    /// for that one it is an answer, for others a broadcast.
    pub(super) fn send(
        &mut self,
        message: &Message,
        audience: Audience,
        requester: Option<SessionId>,
    ) {
        match message.encode() {
            Ok(bytes) => self.send_bytes(bytes, audience, requester),
            Err(error) => warn!(%error, ?message, "message not sent"),
        }
    }

    /// As [`Sessions::send`], of a message on the wire.
    pub(super) fn send_bytes(
        &mut self,
        bytes: Zeroizing<Vec<u8>>,
        audience: Audience,
        requester: Option<SessionId>,
    ) {
        let packet = Packet::new(bytes);
        for session in &mut self.list {
            // A promiscuous socket gets twice what is sent to it, as from AF_KEY.
            if session.is_promiscuous() && !matches!(audience, Audience::Only(_)) {
                session.broadcast(&packet);
            }
            if !audience.includes(session) {
                continue;
            }
            if requester == Some(session.id()) {
                session.answer(&packet);
            } else {
                session.broadcast(&packet);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pfkey::MessageType;
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};

    use super::*;

    fn connect(sessions: &mut Sessions) -> (SessionId, OwnedFd) {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        (sessions.add(ours, Peer::default()), theirs)
    }

    fn received(socket: &OwnedFd) -> usize {
        let mut buffer = [0; 64];
        let next = || recv(socket, &mut buffer, RecvFlags::DONTWAIT).ok();
        std::iter::from_fn(next).count()
    }

    #[test]
    fn a_registered_process_keeps_all_of_its_sockets() {
        let mut sessions = Sessions::default();
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let ids = [1, 1, 2].map(|pid| {
            let (socket, _) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
            sessions.add(socket, Peer { pid, ..Peer::default() })
        });
        let not_stored =
            |sessions: &mut Sessions| sessions.not_stored().map(|it| it.id()).collect::<Vec<_>>();
        assert_eq!(not_stored(&mut sessions), []);
        sessions.get(ids[1]).unwrap().register(3);
        assert_eq!(not_stored(&mut sessions), ids[..2]);
        sessions.not_stored().for_each(Session::set_stored);
        assert_eq!(not_stored(&mut sessions), []);
    }

    #[test]
    fn each_audience_gets_its_messages() {
        let mut sessions = Sessions::default();
        let sockets: Vec<_> = (0..3).map(|_| connect(&mut sessions)).collect();
        let [plain, registered, promiscuous] = [0, 1, 2].map(|at: usize| sockets[at].0);
        sessions.get(registered).unwrap().register(3);
        sessions.get(promiscuous).unwrap().set_promiscuous(true);
        let message = Message::new(MessageType::FLUSH, 0);
        for (audience, expected) in [
            (Audience::All, [1, 1, 2]),
            (Audience::One(plain), [1, 0, 1]),
            (Audience::One(promiscuous), [0, 0, 2]),
            (Audience::Only(plain), [1, 0, 0]),
            (Audience::Only(promiscuous), [0, 0, 1]),
            (Audience::Registered(None), [0, 1, 1]),
            (Audience::Registered(Some(plain)), [1, 1, 1]),
            (Audience::Promiscuous, [0, 0, 1]),
        ] {
            sessions.send(&message, audience, None);
            sessions.flush();
            let counts: Vec<_> = sockets.iter().map(|(_, socket)| received(socket)).collect();
            assert_eq!(counts, expected, "{audience:?}");
        }
        assert!(sessions.any_registered() && sessions.any_promiscuous());
        sessions.get(registered).unwrap().end();
        sessions.remove_ended();
        assert!(!sessions.any_registered());
    }
}
