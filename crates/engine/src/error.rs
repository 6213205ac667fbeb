use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use model::MalformedCounter;
use rustix::io::Errno;

use crate::{saved::fault::SavedFault, state::holders::Holders};

/// Why the engine cannot go on. What the kernel refuses is an [`crate::Outcome`], not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The conversation with the kernel failed.
    #[error(transparent)]
    Kernel(#[from] xfrm::Error),
    /// The receiver of the results failed.
    #[error(transparent)]
    Sink(#[from] io::Error),
    /// A record cannot be written.
    #[error("{}: {source}", path.display())]
    Store {
        /// The file of the records.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// A file beside the kernel cannot be read, written or locked, or its directory made.
    #[error("{}: {source}", path.display())]
    Run {
        /// The file or directory.
        path: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
    /// A file of saved SAs is not restored.
    #[error("{}: {fault}", path.display())]
    Saved {
        /// The file.
        path: PathBuf,
        /// The reason.
        fault: SavedFault,
    },
    /// The kernel counts no dropped packets.
    #[error("{path}: {source} (the kernel has it with CONFIG_XFRM_STATISTICS)")]
    NoCounters {
        /// The file that would have them.
        path: &'static str,
        /// Why it is not read.
        source: io::Error,
    },
    /// The kernel's counters cannot be read.
    #[error("{path}: {source}")]
    Counters {
        /// Their file.
        path: &'static str,
        /// The reason.
        source: MalformedCounter,
    },
    /// Other processes have not released the lock on what is kept beside the kernel.
    #[error("{} is locked by {holders} for more than {} s", path.display(), limit.as_secs())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// How long this process has waited.
        limit: Duration,
        /// The processes that have it.
        holders: Holders,
    },
    /// The lowest SPI would be above the highest.
    #[error("net.key.spi_min_value {min} would be above net.key.spi_max_value {max}")]
    SpiRange {
        /// The lowest SPI.
        min: u32,
        /// The highest SPI.
        max: u32,
    },
    /// The rule that sets DF on outer headers cannot be added, tried, or deleted.
    #[error("net.inet.ipsec.dfbit=1 needs nf_tables for IPv4 in the kernel, and a loopback \
             interface: {}", sys::errno_text(*.source))]
    NoDfRule {
        /// The errno of the system call.
        source: Errno,
    },
    /// The kernel accepts the rule that sets DF, and passes over it.
    #[error(
        "net.inet.ipsec.dfbit=1 has no effect on this kernel: since Linux 7.2, a rule of \
             nf_tables cannot set DF; 2 copies DF from the inner header"
    )]
    DfIsNotWritten,
}

impl Error {
    pub(crate) fn run(path: &Path, source: io::Error) -> Self {
        Error::Run { path: path.to_owned(), source }
    }

    /// Whether it is about what is kept beside the kernel, which is a help and no precondition.
    pub(crate) fn is_of_run_directory(&self) -> bool {
        matches!(self, Error::Run { .. } | Error::Store { .. })
    }

    /// The errno of a system call that failed for this reason.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Error::Kernel(error) => error.errno(),
            Error::Sink(error)
            | Error::Run { source: error, .. }
            | Error::NoCounters { source: error, .. } => {
                Errno::from_io_error(error).unwrap_or(Errno::IO)
            }
            Error::Store { source, .. } => store_errno(source),
            Error::Counters { .. } => Errno::BADMSG,
            Error::Locked { .. } => Errno::BUSY,
            Error::SpiRange { .. } | Error::Saved { .. } => Errno::INVAL,
            Error::NoDfRule { .. } | Error::DfIsNotWritten => Errno::OPNOTSUPP,
        }
    }
}

fn store_errno(error: &rusqlite::Error) -> Errno {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => Errno::ROFS,
        Some(ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Errno::ACCESS,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Errno::BUSY,
        Some(ErrorCode::DiskFull) => Errno::NOSPC,
        _ => Errno::IO,
    }
}
