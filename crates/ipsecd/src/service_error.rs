use std::{io, path::PathBuf};

use crate::ConfigurationError;

/// Why there is no service, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The conversation with the kernel failed.
    #[error(transparent)]
    Kernel(#[from] xfrm::Error),
    /// The engine cannot be opened.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The configuration cannot be used.
    #[error("{path}: {source}")]
    Configuration {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        source: ConfigurationError,
    },
    /// Another service is there.
    #[error("{0}: another service listens there")]
    Running(PathBuf),
    /// The socket that programs connect to cannot be made.
    #[error("{path}: {doing}: {source}")]
    Socket {
        /// Where.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The thread that serves cannot be started, or cannot give its privileges up.
    #[error("its thread: {0}")]
    Thread(io::Error),
    /// Waiting for something to happen failed.
    #[error("waiting for requests: {0}")]
    Wait(io::Error),
}
