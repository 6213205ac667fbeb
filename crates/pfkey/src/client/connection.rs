//! The properties of a connection to the service, for another connection in its place: the address, and
//! the options of SOL_SOCKET that programs set.

use std::time::Duration;

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{OFlags, fcntl_getfl},
    io::{Errno, ioctl_fionbio, retry_on_intr},
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, getpeername, socket_with,
        sockopt::{
            Timeout, set_socket_recv_buffer_size, set_socket_send_buffer_size, set_socket_timeout,
            socket_recv_buffer_size, socket_send_buffer_size, socket_timeout,
        },
    },
};

/// How long connect(2) waits for a service that accepts other clients first.
const PATIENCE: Duration = Duration::from_secs(1);

/// The properties of a connection.
#[derive(Clone)]
pub struct ConnectionProperties {
    /// Where the service listens.
    pub service: SocketAddrUnix,
    /// `SO_SNDBUF` as getsockopt(2) returns it, bytes.
    pub send_buffer: usize,
    /// `SO_RCVBUF` as getsockopt(2) returns it, bytes.
    pub receive_buffer: usize,
    /// `SO_SNDTIMEO`.
    pub send_timeout: Option<Duration>,
    /// `SO_RCVTIMEO`.
    pub receive_timeout: Option<Duration>,
}

impl ConnectionProperties {
    /// Those of a socket, whose service may have gone.
    pub fn of(socket: impl AsFd) -> Result<Self, Errno> {
        let socket = socket.as_fd();
        let peer = getpeername(socket)?.ok_or(Errno::NOTCONN)?;
        Ok(Self {
            service: SocketAddrUnix::try_from(peer)?,
            send_buffer: socket_send_buffer_size(socket)?,
            receive_buffer: socket_recv_buffer_size(socket)?,
            send_timeout: socket_timeout(socket, Timeout::Send)?,
            receive_timeout: socket_timeout(socket, Timeout::Recv)?,
        })
    }

    /// Another to the same service, closed on exec. Allocates nothing.
    pub fn again(&self, blocks: bool) -> Result<OwnedFd, Errno> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
        retry_on_intr(|| connect(&socket, &self.service))?;
        // The kernel doubles what it is given.
        set_socket_send_buffer_size(&socket, self.send_buffer / 2)?;
        set_socket_recv_buffer_size(&socket, self.receive_buffer / 2)?;
        set_socket_timeout(&socket, Timeout::Send, self.send_timeout)?;
        set_socket_timeout(&socket, Timeout::Recv, self.receive_timeout)?;
        ioctl_fionbio(&socket, !blocks)?;
        Ok(socket)
    }
}

/// Whether calls on a descriptor wait.
pub fn blocks(descriptor: impl AsFd) -> bool {
    fcntl_getfl(descriptor).is_ok_and(|flags| !flags.contains(OFlags::NONBLOCK))
}
