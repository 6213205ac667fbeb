//! What a connection was like, for the one that takes its place: where to, and the options of
//! SOL_SOCKET that programs set.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use rustix::{
    fd::{BorrowedFd, OwnedFd},
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

use crate::clients::now;

/// How long a service may take that lets others in first.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest path of a Unix socket, in words.
const WORDS: usize = 14;

/// A connection that there was.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) service: SocketAddrUnix,
    send_buffer: usize,
    receive_buffer: usize,
    send_timeout: Option<Duration>,
    pub(crate) receive_timeout: Option<Duration>,
}

/// The same in the table, while there is no service.
pub(crate) struct Former {
    path: [AtomicU64; WORDS],
    length: AtomicUsize,
    buffers: [AtomicUsize; 2],
    /// In nanoseconds; 0: none.
    timeouts: [AtomicU64; 2],
    /// When the service had gone, in milliseconds of the monotonic clock.
    since: AtomicU64,
}

impl Connection {
    /// What a socket is like, whose service may have gone.
    pub(crate) fn of(socket: BorrowedFd<'_>) -> Result<Self, Errno> {
        let peer = getpeername(socket)?.ok_or(Errno::NOTCONN)?;
        Ok(Self {
            service: SocketAddrUnix::try_from(peer)?,
            send_buffer: socket_send_buffer_size(socket)?,
            receive_buffer: socket_recv_buffer_size(socket)?,
            send_timeout: socket_timeout(socket, Timeout::Send)?,
            receive_timeout: socket_timeout(socket, Timeout::Recv)?,
        })
    }

    /// Another to the same service.
    pub(crate) fn again(&self, blocks: bool) -> Result<OwnedFd, Errno> {
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

/// Whether calls wait.
pub(crate) fn blocks(descriptor: BorrowedFd<'_>) -> bool {
    fcntl_getfl(descriptor).is_ok_and(|flags| !flags.contains(OFlags::NONBLOCK))
}

impl Former {
    pub(crate) const fn new() -> Self {
        Self {
            path: [const { AtomicU64::new(0) }; WORDS],
            length: AtomicUsize::new(0),
            buffers: [const { AtomicUsize::new(0) }; 2],
            timeouts: [const { AtomicU64::new(0) }; 2],
            since: AtomicU64::new(0),
        }
    }

    pub(crate) fn keep(&self, connection: &Connection) {
        let path = connection.service.path_bytes().unwrap_or_default();
        for (word, bytes) in self.path.iter().zip(path.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
        }
        self.length.store(path.len(), Ordering::Relaxed);
        let (send, receive) = (connection.send_timeout, connection.receive_timeout);
        for (place, time) in self.timeouts.iter().zip([send, receive]) {
            let nanoseconds = time.map_or(0, |time| time.as_nanos());
            place.store(u64::try_from(nanoseconds).unwrap_or(0), Ordering::Relaxed);
        }
        self.buffers[0].store(connection.send_buffer, Ordering::Relaxed);
        self.buffers[1].store(connection.receive_buffer, Ordering::Relaxed);
        self.since.store(now(), Ordering::Relaxed);
    }

    pub(crate) fn connection(&self) -> Result<Connection, Errno> {
        let mut path = [0; 8 * WORDS];
        for (bytes, word) in path.chunks_exact_mut(8).zip(&self.path) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let [send_timeout, receive_timeout] = [0, 1].map(|at| self.timeout(at));
        Ok(Connection {
            service: SocketAddrUnix::new(&path[..self.length.load(Ordering::Relaxed)])?,
            send_buffer: self.buffers[0].load(Ordering::Relaxed),
            receive_buffer: self.buffers[1].load(Ordering::Relaxed),
            send_timeout,
            receive_timeout,
        })
    }

    fn timeout(&self, at: usize) -> Option<Duration> {
        let nanoseconds = self.timeouts[at].load(Ordering::Relaxed);
        (nanoseconds != 0).then(|| Duration::from_nanos(nanoseconds))
    }

    /// How long there has been no service.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_millis(now().saturating_sub(self.since.load(Ordering::Relaxed)))
    }
}
