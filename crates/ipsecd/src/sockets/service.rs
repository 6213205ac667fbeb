use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::retry_on_intr,
    net::SocketType,
};
use sys::run::POLICY_SOCKET;
use tracing::{info, warn};

use super::{Permissions, client::Clients};
use crate::{
    Error, Handover,
    listener::{Listener, Open},
};

/// The name of the listening socket in a [`Handover`].
const LISTENER: &str = "sockets-listener";

/// Clients that are accepted before the service looks whether it is to stop.
const TURN: usize = 64;

/// How often suppressed log lines are looked for, without a client.
const IDLE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// The pause after accept(2) has failed, which a lack of descriptors causes most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often failures of accept(2) are logged.
const ACCEPT_FAILURE: Duration = Duration::from_secs(60);

/// The service for policies of sockets of a network namespace.
pub struct Service {
    listener: Listener,
    clients: Arc<Clients>,
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
        Ok(Self { listener, clients: Arc::new(Clients::new(permissions)) })
    }

    /// Adds the listening socket to a handover to the next daemon.
    pub fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        handover.push(LISTENER, &self.listener)
    }

    /// Leaves the socket's file in place for the next daemon.
    pub fn keep_socket_file(&self) {
        self.listener.keep_file();
    }

    /// Replaces the permissions, also for connected clients, and opens the engine again.
    pub fn reload(&self, permissions: Permissions) {
        self.clients.reload(permissions);
    }

    /// Serves until `stop` can be read. It needs CAP_NET_ADMIN and nothing else.
    ///
    /// Errors: [`Error::Poll`].
    pub fn run(&self, stop: impl AsFd) -> Result<(), Error> {
        let mut failure = None;
        loop {
            let mut slots =
                [PollFd::new(&stop, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
            retry_on_intr(|| poll(&mut slots, Some(&IDLE)))
                .map_err(|errno| Error::Poll(errno.into()))?;
            let [stop_slot, _] = &slots;
            if !stop_slot.revents().is_empty() {
                return Ok(());
            }
            self.accept(&mut failure);
            self.clients.report_suppressed();
        }
    }

    /// Accepts the clients that wait. `failure` is when a failure of accept(2) was logged.
    fn accept(&self, failure: &mut Option<Instant>) {
        for _ in 0..TURN {
            match self.listener.accept() {
                Ok(Some(connection)) => self.clients.serve(connection),
                Ok(None) => return,
                Err(errno) => {
                    if failure.is_none_or(|failure| failure.elapsed() >= ACCEPT_FAILURE) {
                        warn!(%errno, "accept failed");
                        *failure = Some(Instant::now());
                    }
                    return thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, os::unix::net::UnixStream, thread};

    use model::Dialect;
    use rustix::{
        io::Errno,
        net::{AddressFamily, RecvFlags, SocketAddrUnix, connect, recv, socket},
    };
    use sockpolicy::ServiceRefusal;
    use sys::SystemNames;
    use tempfile::TempDir;

    use super::*;
    use crate::Configuration;

    /// The answer of a service with this configuration to a request for a policy.
    fn answer(configuration: &str, policy: &str) -> Result<(), ServiceRefusal> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket.sock");
        let configuration = Configuration::parse(configuration.as_bytes(), &path);
        assert!(configuration.errors.is_empty(), "{:?}", configuration.errors);
        let service = Service::at(&path, configuration.permissions).unwrap();
        let (stop, stopped) = UnixStream::pair().unwrap();
        let policy = grammar::socket_policy(policy, Dialect::Linux, &SystemNames).unwrap();
        let serving = thread::spawn(move || service.run(stopped));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let value = pfkey::socket_policy::value(&policy).unwrap();
        let answer = sockpolicy::ServiceAddress::at(&path).unwrap().set(&socket, &value);
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
                    "ipsecd: no line of ipsecd.conf permits `bypass` to user 0, group "
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
            let refusal = answer("sockets user 0 ipsec tunnel use", tunnel).unwrap_err();
            assert_eq!(refusal.errno(), Errno::INVAL);
            assert!(refusal.to_string().contains("use on an outbound tunnel"));
        }
    }

    /// A service with this configuration, and what ends it.
    fn serve(
        configuration: &str,
        directory: &TempDir,
    ) -> (Arc<Service>, UnixStream, thread::JoinHandle<Result<(), Error>>) {
        let path = directory.path().join("socket.sock");
        let permissions = Configuration::parse(configuration.as_bytes(), &path).permissions;
        let service = Arc::new(Service::at(&path, permissions).unwrap());
        let (stop, stopped) = UnixStream::pair().unwrap();
        let serving = Arc::clone(&service);
        let thread = thread::spawn(move || serving.run(stopped));
        (service, stop, thread)
    }

    fn end(stop: UnixStream, thread: thread::JoinHandle<Result<(), Error>>) {
        drop(stop);
        thread.join().unwrap().unwrap();
    }

    fn line_for_this_user(words: &str) -> String {
        format!("sockets user {} {words}", rustix::process::geteuid().as_raw())
    }

    fn connection(directory: &TempDir) -> OwnedFd {
        let kind = SocketType::SEQPACKET;
        let socket = socket(AddressFamily::UNIX, kind, None).unwrap();
        connect(&socket, &SocketAddrUnix::new(directory.path().join("socket.sock")).unwrap())
            .unwrap();
        socket
    }

    #[test]
    fn a_malformed_request_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket.sock");
        let (_service, stop, serving) = serve(&line_for_this_user("ipsec"), &directory);
        assert!(matches!(
            Service::at(&path, Permissions::default()),
            Err(Error::AnotherService(_))
        ));
        let client = sockpolicy::ServiceAddress::at(&path).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(client.set(&socket, &[7; 40]).unwrap_err().errno(), Errno::INVAL);
        end(stop, serving);
    }

    /// The refusal arrives whenever the service closes the connection, before or after the request.
    #[test]
    fn a_client_without_a_line_is_rejected_with_the_reason() {
        let directory = tempfile::tempdir().unwrap();
        let (_service, stop, serving) = serve("", &directory);
        let client = sockpolicy::ServiceAddress::at(&directory.path().join("socket.sock")).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..200 {
            let refusal = client.set(&socket, &[7; 40]).unwrap_err();
            assert_eq!(refusal.errno(), Errno::PERM, "{refusal}");
            let text = refusal.to_string();
            assert!(text.starts_with("ipsecd: no line of ipsecd.conf is for user "), "{text}");
        }
        end(stop, serving);
    }

    /// Neither the place nor the permission of a connected client is what it was.
    #[test]
    fn a_connection_is_one_request_judged_by_the_permissions_of_its_time() {
        if !is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let (service, stop, serving) = serve(&line_for_this_user("bypass"), &directory);
        let policy = grammar::socket_policy("out bypass", Dialect::Linux, &SystemNames).unwrap();
        let value = pfkey::socket_policy::value(&policy).unwrap();
        let ask = |connection: &OwnedFd| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            sys::rights::send(connection, &value, Some(socket.as_fd()))?;
            let mut reply = [0; 1024];
            let (length, _) = recv(connection, &mut reply[..], RecvFlags::empty())?;
            Ok(sockpolicy::ServiceReply::decode(&reply[..length]).map(|reply| reply.0))
        };
        let (first, second) = (connection(&directory), connection(&directory));
        assert_eq!(ask(&first), Ok(Some(Ok(()))));
        let again = ask(&first);
        assert!(matches!(again, Ok(None) | Err(Errno::PIPE | Errno::CONNRESET)), "{again:?}");
        service.reload(Permissions::default());
        let Ok(Some(Err((errno, reason)))) = ask(&second) else { panic!("a refusal") };
        assert_eq!(errno, Errno::PERM);
        assert!(reason.starts_with("no line of ipsecd.conf permits `bypass`"), "{reason}");
        end(stop, serving);
    }
}
