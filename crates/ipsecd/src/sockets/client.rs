//! The clients of the service: their admission, their request, their log lines.

use std::{
    sync::{Arc, OnceLock, PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{
        SendFlags, send,
        sockopt::{Timeout, set_socket_timeout},
    },
};
use sockpolicy::ServiceReply;
use sys::foreign::Receiver;
use tracing::{info, warn};

use super::{
    Peer, Permissions,
    closer::Closer,
    request::{self, RequestRefusal},
    shared_engine::SharedEngine,
    slots::{Slot, Slots},
};
use crate::log_limit::{LogLimit, REPORT, Rate};

/// How long a client may take for its request, of which a connection has one.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

const SECOND: Duration = Duration::from_secs(1);

/// What all clients share.
pub(super) struct Clients {
    permissions: RwLock<Arc<Permissions>>,
    slots: Arc<Slots>,
    engine: SharedEngine,
    /// Its thread starts with the first client, after the daemon has given up its privileges.
    closer: OnceLock<Closer>,
    /// For those that a line is for.
    requests: LogLimit,
    /// For those that are rejected.
    rejections: LogLimit,
}

impl Clients {
    pub(super) fn new(permissions: Permissions) -> Self {
        Self {
            permissions: RwLock::new(Arc::new(permissions)),
            slots: Arc::default(),
            engine: SharedEngine::default(),
            closer: OnceLock::new(),
            requests: LogLimit::new(Rate(10, SECOND), Rate(50, SECOND)),
            rejections: LogLimit::new(Rate(1, SECOND), Rate(10, REPORT)),
        }
    }

    /// Replaces the permissions, also for connected clients, and opens the engine again.
    pub(super) fn reload(&self, permissions: Permissions) {
        *self.permissions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(permissions);
        self.engine.close();
    }

    /// Serves a client on a thread of its own, or rejects it.
    pub(super) fn serve(self: &Arc<Self>, connection: OwnedFd) {
        let mut peer = match Peer::of(&connection) {
            Ok(peer) => peer,
            Err(errno) => {
                let reason = format!("the process cannot be identified: {errno}");
                return self.reject(connection, None, (Errno::PERM, reason));
            }
        };
        let permissions = self.permissions();
        // Without need no file of /proc is opened for a process without a line.
        if permissions.name_units() || !permissions.matching(&peer).is_empty() {
            peer.look_up_cgroup(&connection);
        }
        let lines = permissions.matching(&peer);
        if lines.is_empty() {
            let reason = format!("no line of ipsecd.conf is for {peer}");
            return self.reject(connection, Some(&peer), (Errno::PERM, reason));
        }
        let Some(slot) = Slot::take(&self.slots, peer.uid, lines) else {
            let reason = format!("too many requests of {peer} at the same time");
            return self.reject(connection, Some(&peer), (Errno::BUSY, reason));
        };
        let clients = Arc::clone(self);
        let thread = thread::Builder::new().name("socket policy".into()).spawn(move || {
            // The slot is taken until the process has ended that has received what was sent.
            let _slot = slot;
            let receiver = receiver(&connection);
            let socket = match &receiver {
                Ok(receiver) => clients.answer(receiver, &connection, &peer),
                Err(errno) => {
                    reply(&connection, Err((*errno, format!("no process to receive it: {errno}"))));
                    None
                }
            };
            clients.close(connection);
            if let Some(socket) = socket {
                clients.close(socket);
            }
        });
        if let Err(error) = thread {
            warn!(%error, "client thread not started");
        }
    }

    /// Logs what was not logged, from time to time.
    pub(super) fn report_suppressed(&self) {
        self.requests.log_suppressed("policies of sockets");
        self.rejections.log_suppressed("rejected clients of socket.sock");
    }

    fn close(&self, descriptor: OwnedFd) {
        self.closer.get_or_init(Closer::start).close(descriptor);
    }

    fn permissions(&self) -> Arc<Permissions> {
        self.permissions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reject(&self, connection: OwnedFd, peer: Option<&Peer>, refusal: RequestRefusal) {
        let uid = peer.map_or(u32::MAX, |peer| peer.uid);
        if let Some(suppressed) = self.rejections.admit(uid, Instant::now()) {
            let suppressed = (suppressed != 0).then_some(suppressed);
            let pid = peer.map(|peer| peer.pid);
            info!(pid, uid, reason = refusal.1, suppressed, "client rejected");
        }
        reply(&connection, Err(refusal));
        self.close(connection);
    }

    /// Carries out the request of a client. Returns the socket that it has sent.
    fn answer(&self, receiver: &Receiver, connection: &OwnedFd, peer: &Peer) -> Option<OwnedFd> {
        let request = request::receive(receiver)?;
        let text = match &request.policy {
            Ok(policy) => grammar::text_of_socket_policy(policy).text.to_string(),
            Err(_) => "?".into(),
        };
        // The permissions may have changed since the client was admitted.
        let permissions = self.permissions();
        let done = match (request.policy, &request.socket) {
            (Ok(policy), Some(socket)) => {
                request::carry_out(policy, socket, peer, &permissions, &self.engine)
            }
            (Ok(_), _) => Err((Errno::INVAL, "no descriptor".into())),
            (Err(refusal), _) => Err(refusal),
        };
        self.log(peer, &text, &done);
        reply(connection, done.map(drop));
        request.socket
    }

    fn log(&self, peer: &Peer, policy: &str, done: &Result<u32, RequestRefusal>) {
        let Some(suppressed) = self.requests.admit(peer.uid, Instant::now()) else { return };
        let suppressed = (suppressed != 0).then_some(suppressed);
        let (pid, uid) = (peer.pid, peer.uid);
        let cgroup = peer.cgroup.as_deref().unwrap_or("?");
        match done {
            Ok(cookie) => info!(pid, uid, cgroup, cookie, policy, suppressed, "socket policy set"),
            Err((_, reason)) => {
                info!(pid, uid, cgroup, policy, reason, suppressed, "socket policy refused");
            }
        }
    }
}

/// Starts the process that receives the request of a client.
fn receiver(connection: &OwnedFd) -> Result<Receiver, Errno> {
    set_socket_timeout(connection, Timeout::Recv, Some(REQUEST_TIMEOUT))?;
    Receiver::start(connection, request::MAX_REQUEST, REQUEST_TIMEOUT + SECOND)
}

/// Replies to a client, which receives nothing if it has no room for it.
fn reply(connection: &OwnedFd, result: Result<(), RequestRefusal>) {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let _ = send(connection, &ServiceReply(result).encode(), flags);
}
