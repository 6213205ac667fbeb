use std::{io, path::PathBuf, process::ExitCode};

use ipsec::Dialect;

/// Why the command ends early. What a script does wrong is reported apart.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The script cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The script.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The script cannot be read on.
    #[error("cannot read {name}: {reason}")]
    Read {
        /// The script.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A file of recorded messages holds something else.
    #[error("{}: {source}", path.display())]
    Message {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pfkey::Error,
    },
    /// Output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// The kernel cannot be reached, or the conversation with it failed.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl From<engine::MonitorError> for Error {
    fn from(error: engine::MonitorError) -> Self {
        Error::Engine(error.into())
    }
}

impl Error {
    /// FreeBSD ends with 255 when a script cannot be opened.
    pub fn exit_code(&self, dialect: Dialect) -> ExitCode {
        match self {
            Error::Open { .. } => crate::failure(dialect),
            _ => ExitCode::FAILURE,
        }
    }

    /// Whether the reader of our output has gone.
    pub fn is_broken_pipe(&self) -> bool {
        let (Error::Write(error) | Error::Engine(engine::Error::Sink(error))) = self else {
            return false;
        };
        error.kind() == io::ErrorKind::BrokenPipe
    }
}
