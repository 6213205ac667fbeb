//! The properties of a connection that has ended, in the table for the one that replaces it.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use pfkey::client::ConnectionProperties;
use rustix::{io::Errno, net::SocketAddrUnix};

use crate::time::now;

/// The longest path of a Unix socket, in words.
const WORDS: usize = 14;

/// The last connection of a client, while there is no service.
pub(crate) struct LastConnection {
    path: [AtomicU64; WORDS],
    length: AtomicUsize,
    buffers: [AtomicUsize; 2],
    /// In nanoseconds; 0: none.
    timeouts: [AtomicU64; 2],
    /// When the service had gone, in milliseconds of the monotonic clock.
    since: AtomicU64,
}

impl LastConnection {
    pub(crate) const fn new() -> Self {
        Self {
            path: [const { AtomicU64::new(0) }; WORDS],
            length: AtomicUsize::new(0),
            buffers: [const { AtomicUsize::new(0) }; 2],
            timeouts: [const { AtomicU64::new(0) }; 2],
            since: AtomicU64::new(0),
        }
    }

    pub(crate) fn store(&self, connection: &ConnectionProperties) {
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

    pub(crate) fn connection(&self) -> Result<ConnectionProperties, Errno> {
        let mut path = [0; 8 * WORDS];
        for (bytes, word) in path.chunks_exact_mut(8).zip(&self.path) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let [send_timeout, receive_timeout] = [0, 1].map(|at| self.timeout(at));
        Ok(ConnectionProperties {
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
