use std::{io, path::PathBuf};

use rustix::io::Errno;

/// Why the daemon does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The namespace has its daemon.
    #[error(
        "another ipsecd follows this network namespace: it holds {}",
        directory.join(engine::DAEMON_LOCK).display()
    )]
    Another {
        /// What is kept for the namespace.
        directory: PathBuf,
    },
    /// The daemon's lock.
    #[error("the lock under {}: {source}", engine::RUN_DIRECTORY)]
    Lock {
        /// Why not.
        source: io::Error,
    },
    /// What is kept for the namespace cannot be watched.
    #[error("watching {}: {source}", directory.display())]
    Directory {
        /// What is kept for the namespace.
        directory: PathBuf,
        /// Why not.
        source: Errno,
    },
    /// Somebody has deleted the daemon's lock.
    #[error("{} is gone: another daemon may start", directory.join(engine::DAEMON_LOCK).display())]
    Gone {
        /// What is kept for the namespace.
        directory: PathBuf,
    },
    /// Signals cannot be caught.
    #[error("catching signals: {0}")]
    Signals(#[source] io::Error),
    /// Privileges cannot be given up.
    #[error("giving up privileges: {0}")]
    Privileges(#[source] Errno),
    /// Waiting failed.
    #[error("waiting for events: {0}")]
    Wait(#[source] Errno),
    /// The events of the kernel have ended.
    #[error(transparent)]
    Monitor(#[from] engine::MonitorError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}
