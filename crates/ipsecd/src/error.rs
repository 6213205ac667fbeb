use std::{io, path::PathBuf};

use rustix::io::Errno;

/// Why the daemon or one of its services does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another daemon holds the lock of the network namespace.
    #[error(
        "another ipsecd follows this network namespace: it holds {}",
        directory.join(engine::DAEMON_LOCK).display()
    )]
    AnotherDaemon {
        /// The run directory of the namespace.
        directory: PathBuf,
    },
    /// The run directory of the namespace cannot be watched.
    #[error("watching {}: {source}", directory.display())]
    Watch {
        /// The run directory of the namespace.
        directory: PathBuf,
        /// The error of inotify(7).
        source: Errno,
    },
    /// The daemon's lock was deleted.
    #[error("{} is gone: another daemon may start", directory.join(engine::DAEMON_LOCK).display())]
    LockDeleted {
        /// The run directory of the namespace.
        directory: PathBuf,
    },
    /// Signals cannot be caught.
    #[error("catching signals: {0}")]
    Signals(#[source] io::Error),
    /// The daemon cannot run as this user.
    #[error("user {name}: {source}")]
    User {
        /// The name or number.
        name: String,
        /// The error of the system call.
        source: io::Error,
    },
    /// The daemon cannot confine itself.
    #[error("{doing}: {source}")]
    Confinement {
        /// What was being done.
        doing: &'static str,
        /// The error of the system call.
        source: io::Error,
    },
    /// poll(2) failed.
    #[error("waiting for events: {0}")]
    Poll(#[source] io::Error),
    /// The configuration cannot be read.
    #[error("{}: {source}", path.display())]
    ConfigurationUnreadable {
        /// The configuration file.
        path: PathBuf,
        /// The error of read(2).
        source: io::Error,
    },
    /// A line of the configuration is wrong.
    #[error("{}: line {line}: {problem}", path.display())]
    ConfigurationLine {
        /// The configuration file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with the line, and how to correct it.
        problem: String,
    },
    /// The listening socket for metrics cannot be made or used.
    #[error("metrics at {address}: {source}")]
    MetricsSocket {
        /// The address.
        address: String,
        /// The error of the system call.
        source: io::Error,
    },
    /// Another service listens on the socket.
    #[error("{}: another service listens there", .0.display())]
    AnotherService(PathBuf),
    /// The listening socket of a service cannot be made.
    #[error("{}: {doing}: {source}", path.display())]
    Socket {
        /// The path of the socket.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The error of the system call.
        source: io::Error,
    },
    /// The memory for the messages of clients cannot be mapped.
    #[error("memory for messages: {0}")]
    Memory(#[source] Errno),
    /// The thread of a service cannot be started.
    #[error("its thread: {0}")]
    Thread(#[source] io::Error),
    /// The kernel or the engine's records cannot be used.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}
