use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
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
use tracing::{info, warn};

use super::{
    Peer, Permissions,
    request::{self, Received},
};
use crate::{
    Error, Handover,
    listener::{Listener, Open},
};

/// The name of the listening socket in a [`Handover`].
const LISTENER: &str = "sockets-listener";

/// How long a program that is let in may take for its next request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Programs that may be let in at the same time, and of one user.
const MOST: usize = 128;
const MOST_OF_A_USER: usize = 16;

/// The service of a network namespace.
pub struct Service {
    listener: Listener,
    permissions: RwLock<Arc<Permissions>>,
    inside: Arc<Inside>,
}

/// How many programs of each user have been let in.
#[derive(Default)]
struct Inside(Mutex<HashMap<u32, usize>>);

/// A program's place among those, until it goes.
struct Place {
    inside: Arc<Inside>,
    uid: u32,
}

impl Service {
    /// Opens the service of this thread's network namespace: `socket.sock` in its directory under
    /// /run/xfrm-tools, or the listening socket that the daemon before has handed over.
    ///
    /// Errors: [`Error::AnotherService`], [`Error::Socket`].
    pub fn open(permissions: Permissions, handover: &mut Handover) -> Result<Self, Error> {
        let directory = engine::Namespace::current().directory().to_owned();
        Self::inherit(handover.take(LISTENER), &directory.join("socket.sock"), permissions)
    }

    /// Hands the listening socket over to the next daemon.
    pub fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        handover.push(LISTENER, &self.listener)
    }

    /// Leaves the socket that programs connect to where it is, for the next daemon.
    pub fn keep_socket_file(&self) {
        self.listener.keep_file();
    }

    /// Opens it elsewhere.
    ///
    /// Errors: [`Error::AnotherService`], [`Error::Socket`].
    pub fn at(path: &Path, permissions: Permissions) -> Result<Self, Error> {
        Self::inherit(None, path, permissions)
    }

    fn inherit(
        handed: Option<OwnedFd>,
        path: &Path,
        permissions: Permissions,
    ) -> Result<Self, Error> {
        let kind = SocketType::SEQPACKET;
        let listener = Listener::inherit(handed, path.to_owned(), kind, Open::ToAll)?;
        info!(socket = %listener.path().display(), "service for the policies of sockets");
        Ok(Self {
            listener,
            permissions: RwLock::new(Arc::new(permissions)),
            inside: Arc::default(),
        })
    }

    /// Replaces the permissions for new clients. Requests of connected clients are judged as before.
    pub fn set_permissions(&self, permissions: Permissions) {
        *self.permissions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(permissions);
    }

    /// Serves until `stop` can be read. It needs CAP_NET_ADMIN and nothing else.
    ///
    /// Errors: [`Error::Poll`].
    pub fn run(&self, stop: impl AsFd) -> Result<(), Error> {
        loop {
            let mut files =
                [PollFd::new(&stop, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
            retry_on_intr(|| poll(&mut files, None)).map_err(|errno| Error::Poll(errno.into()))?;
            if !files[0].revents().is_empty() {
                return Ok(());
            }
            match self.listener.accept() {
                Ok(Some(connection)) => self.let_in(connection),
                Ok(None) => {}
                Err(errno) => {
                    warn!(%errno, "letting in failed");
                    // Out of descriptors, most likely: others give some back.
                    thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }

    /// Serves a program on a thread of its own: to close a descriptor that somebody has sent can
    /// take as long as that somebody likes (`SO_LINGER`).
    fn let_in(&self, connection: OwnedFd) {
        let Ok(peer) = Peer::of(&connection) else { return };
        let Some(place) = Place::take(&self.inside, peer.uid) else {
            warn!(uid = peer.uid, "turned away: too many at the same time");
            return;
        };
        let permissions = self.permissions.read().unwrap_or_else(PoisonError::into_inner).clone();
        let serving = thread::Builder::new().name("socket policy".into()).spawn(move || {
            let _place = place;
            serve(&connection, &peer, &permissions);
        });
        if let Err(error) = serving {
            warn!(%error, "letting in failed");
        }
    }
}

/// Carries out what a program asks for, until it goes or takes too long.
fn serve(connection: &OwnedFd, peer: &Peer, permissions: &Permissions) {
    for timeout in [Timeout::Recv, Timeout::Send] {
        if set_socket_timeout(connection, timeout, Some(PATIENCE)).is_err() {
            return;
        }
    }
    while let Received::Request(request) = request::receive(connection) {
        let reply = request::answer(request, peer, permissions).encode();
        if send(connection, &reply, SendFlags::NOSIGNAL) != Ok(reply.len()) {
            return;
        }
    }
}

impl Place {
    /// `None`: there is none.
    fn take(inside: &Arc<Inside>, uid: u32) -> Option<Self> {
        let mut users = inside.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = users.values().sum::<usize>() >= MOST;
        let of_user = users.entry(uid).or_default();
        if is_full || *of_user >= MOST_OF_A_USER {
            return None;
        }
        *of_user += 1;
        Some(Self { inside: Arc::clone(inside), uid })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut users = self.inside.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_user) = users.get_mut(&self.uid) {
            *of_user -= 1;
            if *of_user == 0 {
                users.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, os::unix::net::UnixStream, thread};

    use model::{Dialect, SystemNames};
    use rustix::io::Errno;
    use sockpolicy::Refusal;

    use super::*;
    use crate::Configuration;

    /// What a service with this configuration answers to a request for a policy.
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
    fn what_no_line_allows_is_refused_with_the_reason() {
        if is_root() {
            let refusal = answer("sockets user 0 ipsec", "out bypass").unwrap_err();
            assert_eq!(refusal.errno(), Errno::PERM);
            let said = refusal.to_string();
            assert!(
                said.starts_with(
                    "ipsecd: no line of ipsecd.conf allows `bypass` to user 0, group "
                ),
                "{said}"
            );
        }
    }

    #[test]
    fn what_a_line_allows_is_done() {
        if is_root() {
            assert_eq!(answer("sockets user root bypass", "out bypass"), Ok(()));
        }
    }

    #[test]
    fn what_the_kernel_cannot_do_is_refused_with_the_reason() {
        if is_root() {
            let tunnel = "out ipsec esp/tunnel/192.0.2.1-192.0.2.2/use";
            let refusal = answer("sockets user 0 ipsec", tunnel).unwrap_err();
            assert_eq!(refusal.errno(), Errno::INVAL);
            assert!(refusal.to_string().contains("use on an outbound tunnel"));
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
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

    #[test]
    fn a_user_has_a_number_of_places() {
        let inside = Arc::default();
        let take = |uid| Place::take(&inside, uid);
        let mut places: Vec<_> = (0..MOST_OF_A_USER).map(|_| take(7).unwrap()).collect();
        assert!(take(7).is_none() && take(8).is_some());
        places.pop();
        assert!(take(7).is_some());
        let users = 100..100 + u32::try_from(MOST).unwrap();
        places.extend(users.map_while(take));
        assert_eq!(places.len(), MOST);
    }
}
