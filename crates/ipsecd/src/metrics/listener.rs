use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    io::{Errno, ioctl_fionbio},
    net::{
        AddressFamily, SocketFlags, SocketType, getsockname,
        sockopt::{socket_acceptconn, socket_type},
    },
};

use super::address::{Address, OPEN_TO_OTHERS};
use crate::{
    Error, Handover,
    listener::{self, Listener as UnixListener, Open},
};

/// The names of the listening socket in a [`Handover`]: that of a daemon, and that of a unit of the service manager
/// (`FileDescriptorName` in ipsecd-metrics.socket).
const OWN: &str = "metrics-listener";
const OF_MANAGER: &str = "metrics";

/// The file of the Unix socket.
const FILE: &str = "metrics.sock";

/// The listening socket, which is made before the daemon is confined.
pub struct Listener {
    socket: Socket,
    /// For the log.
    address: String,
}

enum Socket {
    /// Made by the daemon.
    Tcp(OwnedFd),
    /// Made by the daemon.
    Unix(UnixListener),
    /// Made by the service manager.
    Inherited(OwnedFd),
}

impl Listener {
    /// Continues with the socket of the service manager if there is one. Otherwise listens at an address, with the socket
    /// that the previous daemon has handed over if it is for this address. `None` if there is neither.
    ///
    /// Errors: [`Error::MetricsSocket`], [`Error::Socket`], [`Error::AnotherService`].
    pub fn open(
        address: Option<Address>,
        directory: &Path,
        handover: &mut Handover,
    ) -> Result<Option<Self>, Error> {
        let handed_over = handover.take(OWN);
        if let Some(socket) = handover.take(OF_MANAGER) {
            return Self::inherit(socket).map(Some);
        }
        let Some(address) = address else { return Ok(None) };
        let socket = match address {
            Address::Unix => {
                let path = directory.join(FILE);
                UnixListener::inherit(handed_over, path, SocketType::STREAM, Open::ToRoot)
                    .map(Socket::Unix)?
            }
            Address::Tcp(address) => tcp(address, handed_over)
                .map(Socket::Tcp)
                .map_err(|source| Error::MetricsSocket { address: address.to_string(), source })?,
        };
        Ok(Some(Self { socket, address: address.to_string() }))
    }

    /// A socket of the service manager, if it is one that no other host reaches.
    fn inherit(socket: OwnedFd) -> Result<Self, Error> {
        let address = name(&socket);
        match check(&socket) {
            Ok(()) => Ok(Self { socket: Socket::Inherited(socket), address }),
            Err(source) => Err(Error::MetricsSocket { address, source }),
        }
    }

    /// Adds the socket to a handover to the program that this process executes.
    pub fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        let name = match self.socket {
            Socket::Tcp(_) | Socket::Unix(_) => OWN,
            Socket::Inherited(_) => OF_MANAGER,
        };
        handover.push(name, self)
    }

    /// Accepts the next connection, which does not block; `None` if none waits.
    pub fn accept(&self) -> Result<Option<OwnedFd>, Errno> {
        listener::accept(self, SocketFlags::NONBLOCK)
    }

    /// The address, for the log.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(socket) | Socket::Inherited(socket) => socket.as_fd(),
            Socket::Unix(listener) => listener.as_fd(),
        }
    }
}

/// A listening TCP socket of this address: that of the previous daemon, if it is one.
fn tcp(address: SocketAddr, handed_over: Option<OwnedFd>) -> io::Result<OwnedFd> {
    let is_it = |socket: &OwnedFd| inet_address(socket) == Some(address);
    if let Some(socket) = handed_over.filter(is_it) {
        return Ok(socket);
    }
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener.into())
}

/// Checks a socket that another program has made.
fn check(socket: &OwnedFd) -> io::Result<()> {
    if !socket_acceptconn(socket)? || socket_type(socket)? != SocketType::STREAM {
        return Err(io::Error::other("it is no listening stream socket"));
    }
    let is_own = match inet_address(socket) {
        Some(address) => address.ip().is_loopback(),
        None => getsockname(socket)?.address_family() == AddressFamily::UNIX,
    };
    if !is_own {
        return Err(io::Error::other(OPEN_TO_OTHERS));
    }
    Ok(ioctl_fionbio(socket, true)?)
}

fn name(socket: &OwnedFd) -> String {
    let of_unix = || format!("socket {OF_MANAGER} of the service manager");
    inet_address(socket).map_or_else(of_unix, |address| address.to_string())
}

fn inet_address(socket: &OwnedFd) -> Option<SocketAddr> {
    SocketAddr::try_from(getsockname(socket).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::{
        net::{TcpStream, UdpSocket},
        os::unix::net::{UnixListener, UnixStream},
    };

    use super::*;

    fn given(socket: impl AsFd) -> Result<Listener, String> {
        let mut handover = Handover::default();
        handover.push(OF_MANAGER, socket).unwrap();
        let opened = Listener::open(Some(Address::Unix), Path::new("/nonexistent"), &mut handover);
        opened.map(|it| it.expect("a socket")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_socket_of_the_manager_is_used_if_no_other_host_reaches_it() {
        let loopback = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = loopback.local_addr().unwrap();
        let listener = given(&loopback).unwrap();
        assert_eq!(listener.address(), address.to_string());
        assert!(listener.accept().unwrap().is_none(), "it does not block");
        let _client = TcpStream::connect(address).unwrap();
        assert!(listener.accept().unwrap().is_some());
        let mut handover = Handover::default();
        listener.hand_over(&mut handover).unwrap();
        assert!(handover.take(OF_MANAGER).is_some());

        let open = given(TcpListener::bind("0.0.0.0:0").unwrap()).map(drop).unwrap_err();
        assert!(
            open.ends_with(OPEN_TO_OTHERS) && open.starts_with("metrics at 0.0.0.0:"),
            "{open}"
        );
        assert!(given(UdpSocket::bind("127.0.0.1:0").unwrap()).is_err());
        assert!(given(UnixStream::pair().unwrap().0).is_err());
        let directory = tempfile::tempdir().unwrap();
        assert!(given(UnixListener::bind(directory.path().join("socket")).unwrap()).is_ok());
    }

    #[test]
    fn the_next_daemon_continues_with_the_socket_if_the_address_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for address in [Address::Tcp(port), Address::Unix] {
            let open = |handover: &mut Handover, address| {
                Listener::open(Some(address), directory.path(), handover)
            };
            let first = open(&mut Handover::default(), address).unwrap().unwrap();
            assert!(open(&mut Handover::default(), address).is_err(), "{address} is in use");
            let mut handover = Handover::default();
            first.hand_over(&mut handover).unwrap();
            let second = open(&mut handover, address).unwrap().unwrap();
            assert_eq!(second.address(), address.to_string());

            first.hand_over(&mut handover).unwrap();
            let none = Listener::open(None, directory.path(), &mut handover).unwrap();
            assert!(none.is_none(), "the line was removed");
        }
    }
}
