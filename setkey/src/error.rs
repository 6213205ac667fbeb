use std::{io, path::PathBuf, process::ExitCode};

use model::Dialect;
use pfkey::client::SettingsError;
use rustix::io::Errno;

/// Why the command ends early. Mistakes in scripts are reported apart.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The script cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The script.
        path: PathBuf,
        /// The error of open(2).
        source: io::Error,
    },
    /// The script cannot be read on.
    #[error("cannot read {name}: {reason}")]
    Read {
        /// The script.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A file of recorded messages holds something else.
    #[error("{}: {source}", path.display())]
    Message {
        /// The file.
        path: PathBuf,
        /// The error in its bytes.
        source: pfkey::Error,
    },
    /// A message cannot be made, or an answer cannot be read.
    #[error("PF_KEY: {0}")]
    Answer(#[from] pfkey::Error),
    /// A PF_KEY socket cannot be opened.
    #[error("cannot open a socket of {name}: {}", no_socket(*.errno))]
    NoPfKey {
        /// The service or the kernel, as it is named in messages.
        name: String,
        /// The errno of the call.
        errno: Errno,
    },
    /// Sending to AF_KEY or its service, or receiving from it, failed.
    #[error("{name}: {}", broken(*.errno))]
    PfKey {
        /// The service or the kernel, as it is named in messages.
        name: String,
        /// The errno of the call.
        errno: Errno,
    },
    /// The settings of PF_KEY sockets in the environment cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

/// Why there is no socket, with advice.
fn no_socket(errno: Errno) -> String {
    let advice = match errno {
        Errno::AFNOSUPPORT => " (no PF_KEY service listens: start ipsecd, or leave --pfkey out)",
        Errno::PERM => " (CAP_NET_ADMIN is missing: run it as root)",
        _ => "",
    };
    sys::errno_text(errno) + advice
}

/// Why messages cannot be exchanged.
fn broken(errno: Errno) -> String {
    match errno {
        Errno::TIMEDOUT => "there is no answer".into(),
        Errno::CONNRESET => "the service has hung up".into(),
        errno => no_socket(errno),
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

    /// Whether the kernel may have carried out changes whose answers did not arrive.
    pub fn leaves_doubt(&self) -> bool {
        matches!(self, Error::PfKey { .. } | Error::Engine(engine::Error::Kernel(_)))
    }

    /// Whether the reader of our output has gone.
    pub fn is_broken_pipe(&self) -> bool {
        let (Error::Write(error) | Error::Engine(engine::Error::Sink(error))) = self else {
            return false;
        };
        error.kind() == io::ErrorKind::BrokenPipe
    }
}
