use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use grammar::is_statement_as_file;
use model::Dialect;
use rustix::io::Errno;

/// What messages call the kernel as a source of PF_KEY sockets.
pub const THE_KERNEL: &str = "the kernel's PF_KEY";

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
    /// A file of text in the place of recorded messages.
    #[error("{}: no recorded messages: `setkey -f FILE` carries out a script", path.display())]
    Text {
        /// The file.
        path: PathBuf,
    },
    /// A statement in the place of a file. It is not shown: it may contain a key.
    #[error("a statement is no file: write it to standard input of `setkey -c`, with its `;`")]
    Statement,
    /// A message cannot be made, or an answer cannot be read.
    #[error("PF_KEY: {0}")]
    Answer(#[from] pfkey::Error),
    /// A PF_KEY socket cannot be opened.
    #[error("cannot open a socket of {name}: {}", no_socket(.name, *.errno))]
    NoPfKey {
        /// The service or the kernel, as it is named in messages.
        name: String,
        /// The errno of the call.
        errno: Errno,
    },
    /// Sending to AF_KEY or its service, or receiving from it, failed.
    #[error("{name}: {}", broken(.name, *.errno))]
    PfKey {
        /// The service or the kernel, as it is named in messages.
        name: String,
        /// The errno of the call.
        errno: Errno,
    },
    /// The settings of PF_KEY sockets in the environment cannot be used.
    #[error(transparent)]
    Settings(pfkey::Error),
    /// Output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

/// Why there is no socket, with advice.
fn no_socket(name: &str, errno: Errno) -> String {
    let advice = match errno {
        Errno::AFNOSUPPORT if name == THE_KERNEL => return "this kernel has no AF_KEY".into(),
        Errno::AFNOSUPPORT if name.starts_with('/') => {
            return "no PF_KEY service listens there: start ipsecd there, or leave --pfkey out"
                .into();
        }
        Errno::AFNOSUPPORT => " (no PF_KEY service listens: start ipsecd, or leave --pfkey out)",
        Errno::PERM => " (CAP_NET_ADMIN is missing: run it as root)",
        _ => "",
    };
    sys::errno_text(errno) + advice
}

/// Why messages cannot be exchanged.
fn broken(name: &str, errno: Errno) -> String {
    match errno {
        Errno::TIMEDOUT => "there is no answer".into(),
        Errno::CONNRESET => "the service has hung up".into(),
        errno => no_socket(name, errno),
    }
}

impl Error {
    /// Why a file cannot be opened. A statement in its place may contain a key, whatever the error of open(2) is.
    pub fn of_open(path: &Path, source: io::Error) -> Self {
        if is_statement_as_file(path) {
            return Error::Statement;
        }
        Error::Open { path: path.to_owned(), source }
    }

    /// FreeBSD ends with 255 when a script cannot be opened.
    pub fn exit_code(&self, dialect: Dialect) -> ExitCode {
        match self {
            Error::Open { .. } | Error::Statement => crate::failure(dialect),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_for_the_source_that_was_named() {
        let none = |name: &str| no_socket(name, Errno::AFNOSUPPORT);
        assert_eq!(none(THE_KERNEL), "this kernel has no AF_KEY");
        assert!(none("/run/x.sock").starts_with("no PF_KEY service listens there: start ipsecd"));
        assert!(
            none("PF_KEY")
                .ends_with("(no PF_KEY service listens: start ipsecd, or leave --pfkey out)")
        );
    }
}
