//! The PF_KEY sockets that were handed in, by their cookies.
//!
//! So it does not matter what the program has done to its descriptors, and nothing is sent for it on a
//! socket that is not its own.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use pfkey::Message;

use super::{authority::OpenNamespace, interests::Interests};

/// How many sockets the supervisor remembers: the last ones. The kernel answers for one that is
/// forgotten.
const REMEMBERED: usize = 4096;

/// How long a connection has to last: a service that ends it at once rejects this program, and no
/// connection is made again and again.
const LASTING: Duration = Duration::from_secs(1);

/// The last sockets that were handed in.
#[derive(Default)]
pub struct SocketTable(Mutex<VecDeque<Socket>>);

/// What the socket needs that takes the place of another.
#[derive(Clone)]
pub struct Successor {
    /// What it is to register for.
    pub interests: Interests,
    /// The network namespace of its service.
    pub netns: Arc<OpenNamespace>,
}

struct Socket {
    cookie: u64,
    successor: Successor,
    since: Instant,
    /// When its service was first found gone.
    ended: Option<Instant>,
}

impl SocketTable {
    /// Remembers a socket, and what the next one in its place needs.
    pub fn remember(&self, cookie: u64, successor: Successor) {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sockets.len() == REMEMBERED {
            sockets.pop_front();
        }
        sockets.push_back(Socket { cookie, successor, since: Instant::now(), ended: None });
    }

    /// The namespace as that of other sockets, if one is of it: each is one open file.
    pub fn shared(&self, netns: OpenNamespace) -> Arc<OpenNamespace> {
        let sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = sockets.iter().map(|socket| &socket.successor.netns);
        known.find(|known| ***known == netns).map_or_else(|| Arc::new(netns), Arc::clone)
    }

    /// Whether a socket was handed in.
    pub fn has(&self, cookie: u64) -> bool {
        self.with(cookie, |_| ()).is_some()
    }

    /// Learns from a request that was sent on a socket, of that length.
    pub fn learn(&self, cookie: u64, request: &Message, length: usize) {
        self.with(cookie, |socket| socket.successor.interests.learn(request, length));
    }

    /// What the successor of a socket needs; `None`: it has none as yet.
    pub fn successor(&self, cookie: u64) -> Option<Successor> {
        let lasted = |socket: &mut Socket| {
            (socket.since.elapsed() >= LASTING).then(|| socket.successor.clone())
        };
        self.with(cookie, lasted).flatten()
    }

    /// How long ago the service of a socket was first found gone.
    pub fn absence(&self, cookie: u64) -> Duration {
        let now = Instant::now();
        let ended = self.with(cookie, |socket| *socket.ended.get_or_insert(now));
        ended.map_or(Duration::ZERO, |ended| now.saturating_duration_since(ended))
    }

    fn with<T>(&self, cookie: u64, look: impl FnOnce(&mut Socket) -> T) -> Option<T> {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.iter_mut().rev().find(|socket| socket.cookie == cookie).map(look)
    }
}
