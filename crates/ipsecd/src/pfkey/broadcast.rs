use std::os::fd::OwnedFd;

use model::{Event, PolicyEntry};
use pfkey::Message;
use tracing::{debug, warn};
use zeroize::Zeroizing;

use super::{
    client::{Client, ClientId, Packet},
    peer::Peer,
};

/// Who hears a message (`pfkey_broadcast`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everybody (`BROADCAST_ALL`).
    All,
    /// This client alone (`BROADCAST_ONE`).
    One(ClientId),
    /// As `One`, and the promiscuous hear nothing either: what AF_KEY says by the errno of `send(2)`.
    Only(ClientId),
    /// Those who have registered, whatever for, and this client (`BROADCAST_REGISTERED`).
    Registered(Option<ClientId>),
    /// Nobody but the promiscuous (`BROADCAST_PROMISC_ONLY`).
    Promiscuous,
}

impl Audience {
    /// Who hears of an event: of packets that need an SA, and of SAs that expire or have moved, those
    /// who have registered.
    pub(super) fn of(event: &Event) -> Self {
        match event {
            Event::SaExpired { .. } | Event::Acquire(_) | Event::MappingChanged(_) => {
                Audience::Registered(None)
            }
            _ => Audience::All,
        }
    }
}

/// The programs that have connected.
#[derive(Default)]
pub(super) struct Clients {
    list: Vec<Client>,
    last: u64,
}

impl Clients {
    /// Lets a program in.
    pub(super) fn add(&mut self, socket: OwnedFd, peer: Peer) -> ClientId {
        self.last += 1;
        let id = ClientId(self.last);
        self.list.push(Client::new(id, socket, peer));
        id
    }

    /// Forgets those who have hung up.
    pub(super) fn bury(&mut self) {
        self.list.retain(|client| {
            if client.has_parted() {
                debug!(client = client.id.0, "gone");
            }
            !client.has_parted()
        });
    }

    /// Sends what waits for them, as far as there is room.
    pub(super) fn flush(&mut self) {
        self.list.iter_mut().filter(|client| client.has_room()).for_each(Client::flush);
    }

    /// Reads what is left of their dumps, which wait from now on with other answers. `asked` completes
    /// a policy.
    pub(super) fn end_dumps(&mut self, mut asked: impl FnMut(PolicyEntry) -> PolicyEntry) {
        for client in &mut self.list {
            let Some(mut dump) = client.dump.take() else { continue };
            while let Some(message) = dump.next(&mut asked) {
                match message.encode() {
                    Ok(bytes) => client.keep(&Packet::new(bytes)),
                    Err(error) => warn!(%error, ?message, "not sent"),
                }
            }
        }
    }

    /// Lets them know that their requests have been answered.
    pub(super) fn take_requests(&mut self) {
        self.list.iter_mut().for_each(Client::take_requests);
    }

    /// Those who have registered for SAs of some type, or hear everything.
    pub(super) fn registered(&self) -> impl Iterator<Item = &Client> {
        self.list.iter().filter(|client| client.is_registered())
    }

    /// The others.
    pub(super) fn others(&self) -> impl Iterator<Item = &Client> {
        self.list.iter().filter(|client| !client.is_registered())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.list.iter()
    }

    pub(super) fn get(&mut self, id: ClientId) -> Option<&mut Client> {
        self.list.iter_mut().find(|client| client.id == id)
    }

    /// Whether packets that need an SA have somebody who would make one (`pfkey_is_alive`).
    pub(super) fn any_registered(&self) -> bool {
        self.list.iter().any(|client| client.registered != 0)
    }

    pub(super) fn any_promiscuous(&self) -> bool {
        self.list.iter().any(|client| client.is_promiscuous)
    }

    /// Sends a message to its audience. `author` is the client whose request it answers, who never
    /// misses it.
    pub(super) fn send(&mut self, message: &Message, audience: Audience, author: Option<ClientId>) {
        match message.encode() {
            Ok(bytes) => self.send_bytes(bytes, audience, author),
            Err(error) => warn!(%error, ?message, "not sent"),
        }
    }

    /// As [`Clients::send`], of a message as it came.
    pub(super) fn send_bytes(
        &mut self,
        bytes: Zeroizing<Vec<u8>>,
        audience: Audience,
        author: Option<ClientId>,
    ) {
        let packet = Packet::new(bytes);
        for client in &mut self.list {
            // A promiscuous socket hears twice what is meant for it, as it does from AF_KEY.
            if client.is_promiscuous && !matches!(audience, Audience::Only(_)) {
                client.tell(&packet);
            }
            if !audience.includes(client) {
                continue;
            }
            if author == Some(client.id) {
                client.answer(&packet);
            } else {
                client.tell(&packet);
            }
        }
    }
}

impl Audience {
    fn includes(self, client: &Client) -> bool {
        match self {
            Audience::All => true,
            Audience::One(id) | Audience::Only(id) => client.id == id,
            Audience::Registered(one) => client.registered != 0 || one == Some(client.id),
            Audience::Promiscuous => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use pfkey::MessageType;
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};

    use super::*;

    fn connect(clients: &mut Clients) -> (ClientId, OwnedFd) {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        (clients.add(ours, Peer::default()), theirs)
    }

    fn heard(socket: &OwnedFd) -> usize {
        let mut buffer = [0; 64];
        let next = || recv(socket, &mut buffer, RecvFlags::DONTWAIT).ok();
        std::iter::from_fn(next).count()
    }

    #[test]
    fn who_hears_what() {
        let mut clients = Clients::default();
        let sockets: Vec<_> = (0..3).map(|_| connect(&mut clients)).collect();
        let [plain, registered, promiscuous] = [0, 1, 2].map(|at: usize| sockets[at].0);
        clients.get(registered).unwrap().registered = 1 << 3;
        clients.get(promiscuous).unwrap().is_promiscuous = true;
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
            clients.send(&message, audience, None);
            clients.flush();
            let counts: Vec<_> = sockets.iter().map(|(_, socket)| heard(socket)).collect();
            assert_eq!(counts, expected, "{audience:?}");
        }
        assert!(clients.any_registered() && clients.any_promiscuous());
        clients.get(registered).unwrap().part();
        clients.bury();
        assert!(!clients.any_registered());
    }
}
