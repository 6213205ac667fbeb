//! What can go wrong, in words and as an exit status.

use std::{ffi::OsString, io, process::ExitCode};

use pfkey_socket::SettingsError;

/// Why a subcommand gave up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable of the environment cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The process beside the program was not started.
    #[error("cannot start the supervisor: {0}")]
    Supervisor(io::Error),
    /// A process has one supervisor of its system calls (seccomp(2), EBUSY).
    #[error(
        "the system calls of this process are supervised already: `ipsecctl run` does not nest"
    )]
    Supervised,
    /// The kernel or an outer filter does not let one supervise system calls.
    #[error("cannot supervise system calls: {0} (seccomp user notification is in Linux 5.9)")]
    Filter(io::Error),
    /// The program was not executed.
    #[error("cannot run `{}`: {error}", program.display())]
    Program {
        /// As it was given.
        program: OsString,
        /// What exec said.
        error: io::Error,
    },
    /// SAD, SPD or variables cannot be read.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// Nobody takes what is printed.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    /// The exit status: those of env(1) for `run`.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Program { error, .. } if error.kind() == io::ErrorKind::NotFound => 127,
            Self::Program { .. } => 126,
            Self::Engine(_) | Self::Output(_) => 1,
            _ => 125,
        })
    }
}
