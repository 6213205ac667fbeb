//! The service that gives the sockets of the unprivileged their policies, as programs ask it.
//!
//! It listens on a Unix socket of type `SOCK_SEQPACKET`. A request is a datagram with the value of
//! `IP_IPSEC_POLICY` (`sadb_x_policy` and its requests) and one descriptor, the socket
//! (`SCM_RIGHTS`). The answer is an errno as an `int`, 0 for done, and the reason in UTF-8. A connection
//! has one request. The answer may come before it: a refusal to a process that may set no policy.

use std::{path::Path, time::Duration};

use rustix::{
    fd::{AsFd, OwnedFd},
    io::{Errno, retry_on_intr},
    net::{
        AddressFamily, RecvFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
        socket_with,
        sockopt::{Timeout, set_socket_timeout},
    },
};
use sys::{
    netns, rights,
    run::{POLICY_SOCKET, socket_address},
};

use crate::ServiceRefusal;

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer.
const LONGEST: usize = 1024;

/// The service of one network namespace.
#[derive(Debug, Clone)]
pub struct ServiceAddress(SocketAddrUnix);

/// What the service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceReply(pub Result<(), (Errno, String)>);

impl ServiceReply {
    /// The answer on the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (errno, reason) = match &self.0 {
            Ok(()) => (0, ""),
            Err((errno, reason)) => (errno.raw_os_error(), reason.as_str()),
        };
        let mut bytes = errno.to_ne_bytes().to_vec();
        bytes.extend(reason.bytes().take(LONGEST - bytes.len()));
        bytes
    }

    /// Reads an answer; `None` if it is malformed.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, reason) = bytes.split_first_chunk()?;
        Some(Self(match i32::from_ne_bytes(*number) {
            0 => Ok(()),
            // What no errno can be (linux/err.h).
            number if !(1..4096).contains(&number) => return None,
            number => {
                let reason = String::from_utf8_lossy(reason).into_owned();
                Err((Errno::from_raw_os_error(number), reason))
            }
        }))
    }
}

impl ServiceAddress {
    /// That of this thread's network namespace: `/run/xfrm-tools/INODE/socket.sock`. Allocates
    /// nothing.
    ///
    /// Errors: [`ServiceRefusal::Broken`] without /proc.
    pub fn here() -> Result<Self, ServiceRefusal> {
        netns::inode()
            .and_then(|netns| socket_address(netns, POLICY_SOCKET))
            .map(Self)
            .map_err(ServiceRefusal::Broken)
    }

    /// One that listens elsewhere.
    ///
    /// Errors: [`ServiceRefusal::Broken`] with a path that is too long for a Unix socket.
    pub fn at(path: &Path) -> Result<Self, ServiceRefusal> {
        SocketAddrUnix::new(path).map(Self).map_err(ServiceRefusal::Broken)
    }

    /// Asks for a policy: the value of `IP_IPSEC_POLICY`.
    pub fn set(&self, socket: impl AsFd, policy: &[u8]) -> Result<(), ServiceRefusal> {
        let connection = self.connect()?;
        // Before this, the service may have rejected the process and closed the connection.
        let sent = rights::send(&connection, policy, Some(socket.as_fd()));
        let mut answer = [0; LONGEST];
        let length = match receive(&connection, &mut answer) {
            // The connection was closed with the request unread: the answer is next.
            Err(Errno::CONNRESET) => receive(&connection, &mut answer),
            received => received,
        };
        match length {
            Ok(0) => Err(ServiceRefusal::Broken(sent.err().unwrap_or(Errno::CONNRESET))),
            Err(errno) => Err(ServiceRefusal::Broken(sent.err().unwrap_or(errno))),
            Ok(length) => match ServiceReply::decode(&answer[..length]) {
                Some(ServiceReply(Ok(()))) => Ok(()),
                Some(ServiceReply(Err((errno, reason)))) => {
                    Err(ServiceRefusal::Refused { errno, reason })
                }
                None => Err(ServiceRefusal::Broken(Errno::BADMSG)),
            },
        }
    }

    fn connect(&self) -> Result<OwnedFd, ServiceRefusal> {
        let flags = SocketFlags::CLOEXEC;
        let connection = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
            .map_err(ServiceRefusal::Broken)?;
        for timeout in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(&connection, timeout, Some(PATIENCE))
                .map_err(ServiceRefusal::Broken)?;
        }
        match retry_on_intr(|| connect(&connection, &self.0)) {
            Ok(()) => Ok(connection),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::CONNREFUSED) => Err(ServiceRefusal::Absent),
            Err(errno) => Err(ServiceRefusal::Broken(errno)),
        }
    }
}

fn receive(connection: &OwnedFd, answer: &mut [u8]) -> Result<usize, Errno> {
    let received = retry_on_intr(|| recv(connection, &mut *answer, RecvFlags::empty()));
    received.map(|(length, _)| length)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn an_answer_leads_back() {
        let refusal = ServiceReply(Err((Errno::PERM, String::from("not for user 7"))));
        for reply in [ServiceReply(Ok(())), refusal] {
            assert_eq!(ServiceReply::decode(&reply.encode()), Some(reply));
        }
        let long = ServiceReply(Err((Errno::PERM, "x".repeat(9999))));
        assert_eq!(long.encode().len(), LONGEST);
        assert_eq!(ServiceReply::decode(b"abc"), None);
        assert_eq!(ServiceReply::decode(&(-1_i32).to_ne_bytes()), None);
    }

    #[test]
    fn there_may_be_no_service() {
        let directory = tempfile::tempdir().unwrap();
        let service = ServiceAddress::at(&directory.path().join("socket.sock")).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(service.set(&socket, &[0; 16]), Err(ServiceRefusal::Absent));
    }

    #[test]
    fn each_namespace_has_its_service() {
        let ServiceAddress(address) = ServiceAddress::here().unwrap();
        let path = address.path().unwrap().to_str().unwrap().to_owned();
        assert!(path.starts_with("/run/xfrm-tools/") && path.ends_with("/socket.sock"), "{path}");
    }
}
