use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::retry_on_intr,
    net::{
        SendFlags, SocketType, send,
        sockopt::{Timeout, set_socket_timeout},
    },
};
use sys::run::POLICY_SOCKET;
use tracing::{info, warn};

use super::{
    Peer, Permissions,
    request::{self, Received},
    shared_engine::SharedEngine,
    slots::{Slot, Slots},
};
use crate::{
    Error, Handover,
    listener::{Listener, Open},
};

/// The name of the listening socket in a [`Handover`].
const LISTENER: &str = "sockets-listener";

/// How long a client may take for its next request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after accept(2) has failed, which a lack of descriptors causes most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The service for policies of sockets of a network namespace.
pub struct Service {
    listener: Listener,
    permissions: RwLock<Arc<Permissions>>,
    slots: Arc<Slots>,
    engine: Arc<SharedEngine>,
}

impl Service {
    /// Opens the service of this thread's network namespace: `socket.sock` in its run directory, or
    /// the listening socket of the previous daemon.
    ///
    /// Errors: [`Error::AnotherService`], [`Error::Socket`].
    pub fn open(permissions: Permissions, handover: &mut Handover) -> Result<Self, Error> {
        let directory = engine::Namespace::current().directory().to_owned();
        Self::inherit(handover.take(LISTENER), &directory.join(POLICY_SOCKET), permissions)
    }

    /// Opens the service at another path.
    ///
    /// Errors: [`Error::AnotherService`], [`Error::Socket`].
    pub fn at(path: &Path, permissions: Permissions) -> Result<Self, Error> {
        Self::inherit(None, path, permissions)
    }

    fn inherit(
        handed_over: Option<OwnedFd>,
        path: &Path,
        permissions: Permissions,
    ) -> Result<Self, Error> {
        let kind = SocketType::SEQPACKET;
        let listener = Listener::inherit(handed_over, path.to_owned(), kind, Open::ToAll)?;
        info!(service = "sockets", socket = %listener.path().display(), "listening");
        Ok(Self {
            listener,
            permissions: RwLock::new(Arc::new(permissions)),
            slots: Arc::default(),
            engine: Arc::default(),
        })
    }

    /// Adds the listening socket to a handover to the next daemon.
    pub fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        handover.push(LISTENER, &self.listener)
    }

    /// Leaves the socket's file in place for the next daemon.
    pub fn keep_socket_file(&self) {
        self.listener.keep_file();
    }

    /// Replaces the permissions for new clients, and opens the engine again. Requests of connected
    /// clients are judged by the permissions of when they connected.
    pub fn reload(&self, permissions: Permissions) {
        *self.permissions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(permissions);
        self.engine.close();
    }

    /// Serves until `stop` can be read. It needs CAP_NET_ADMIN and nothing else.
    ///
    /// Errors: [`Error::Poll`].
    pub fn run(&self, stop: impl AsFd) -> Result<(), Error> {
        loop {
            let mut slots =
                [PollFd::new(&stop, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
            retry_on_intr(|| poll(&mut slots, None)).map_err(|errno| Error::Poll(errno.into()))?;
            let [stop_slot, _] = &slots;
            if !stop_slot.revents().is_empty() {
                return Ok(());
            }
            match self.listener.accept() {
                Ok(Some(connection)) => self.serve(connection),
                Ok(None) => {}
                Err(errno) => {
                    warn!(%errno, "accept failed");
                    thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
    }

    /// Serves a client on a thread of its own: closing a descriptor that a client has sent takes as
    /// long as the client has chosen (`SO_LINGER`).
    fn serve(&self, connection: OwnedFd) {
        let Ok(peer) = Peer::of(&connection) else { return };
        let Some(slot) = Slot::take(&self.slots, peer.uid) else {
            warn!(uid = peer.uid, reason = "at capacity", "client rejected");
            return;
        };
        let permissions = self.permissions.read().unwrap_or_else(PoisonError::into_inner).clone();
        let engine = Arc::clone(&self.engine);
        let thread = thread::Builder::new().name("socket policy".into()).spawn(move || {
            let _slot = slot;
            answer_all(&connection, &peer, &permissions, &engine);
        });
        if let Err(error) = thread {
            warn!(%error, "client thread not started");
        }
    }
}

/// Carries out a client's requests until it closes the connection or takes too long.
fn answer_all(connection: &OwnedFd, peer: &Peer, permissions: &Permissions, engine: &SharedEngine) {
    for timeout in [Timeout::Recv, Timeout::Send] {
        if set_socket_timeout(connection, timeout, Some(REQUEST_TIMEOUT)).is_err() {
            return;
        }
    }
    while let Received::Request(request) = request::receive(connection) {
        let reply = request::answer(request, peer, permissions, engine).encode();
        if send(connection, &reply, SendFlags::NOSIGNAL) != Ok(reply.len()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, os::unix::net::UnixStream, thread};

    use model::Dialect;
    use rustix::io::Errno;
    use sockpolicy::Refusal;
    use sys::SystemNames;

    use super::*;
    use crate::Configuration;

    /// The answer of a service with this configuration to a request for a policy.
    fn answer(configuration: &str, policy: &str) -> Result<(), Refusal> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket.sock");
        let service =
            Service::at(&path, Configuration::parse(configuration, &path).unwrap().permissions)
                .unwrap();
        let (stop, stopped) = UnixStream::pair().unwrap();
        let policy = grammar::socket_policy(policy, Dialect::Linux, &SystemNames).unwrap();
        let serving = thread::spawn(move || service.run(stopped));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let value = pfkey::socket_policy::value(&policy).unwrap();
        let answer = sockpolicy::Service::at(&path).unwrap().set(&socket, &value);
        drop(stop);
        serving.join().unwrap().unwrap();
        assert!(!path.exists());
        answer
    }

    fn is_root() -> bool {
        let root = rustix::process::geteuid().is_root();
        if !root {
            eprintln!("skipped: only root sets policies");
        }
        root
    }

    #[test]
    fn a_policy_without_permission_is_refused_with_the_reason() {
        if is_root() {
            let refusal = answer("sockets user 0 ipsec", "out bypass").unwrap_err();
            assert_eq!(refusal.errno(), Errno::PERM);
            let text = refusal.to_string();
            assert!(
                text.starts_with(
                    "ipsecd: no line of ipsecd.conf allows `bypass` to user 0, group "
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn a_permitted_policy_is_set() {
        if is_root() {
            assert_eq!(answer("sockets user root bypass", "out bypass"), Ok(()));
        }
    }

    #[test]
    fn a_policy_that_the_kernel_cannot_have_is_refused_with_the_reason() {
        if is_root() {
            let tunnel = "out ipsec esp/tunnel/192.0.2.1-192.0.2.2/use";
            let refusal = answer("sockets user 0 ipsec", tunnel).unwrap_err();
            assert_eq!(refusal.errno(), Errno::INVAL);
            assert!(refusal.to_string().contains("use on an outbound tunnel"));
        }
    }

    #[test]
    fn a_malformed_request_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket.sock");
        let service = Service::at(&path, Permissions::default()).unwrap();
        assert!(matches!(
            Service::at(&path, Permissions::default()),
            Err(Error::AnotherService(_))
        ));
        let (stop, stopped) = UnixStream::pair().unwrap();
        let serving = thread::spawn(move || service.run(stopped));
        let client = sockpolicy::Service::at(&path).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(client.set(&socket, &[7; 40]).unwrap_err().errno(), Errno::INVAL);
        drop(stop);
        serving.join().unwrap().unwrap();
    }
}
