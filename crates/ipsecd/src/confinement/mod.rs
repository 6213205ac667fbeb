//! What the daemon gives up once it has opened its files and sockets. A fault in its code then reaches
//! little more than the SAD and SPD of its network namespace:
//!
//! | file | what is given up |
//! | --- | --- |
//! | `account` | the user root |
//! | `capabilities` | all capabilities but CAP_NET_ADMIN |
//! | `limits` | more descriptors, locked memory and tasks than it needs |
//! | `files` | files but those that it uses, and programs but its own (landlock(7)) |
//! | `system_calls` | system calls that it does not make (seccomp(2)) |
//! | `user_namespaces` | CAP_SYS_PTRACE, which a process of its own has |
//!
//! A program that the daemon executes has given up the same, and adds its own rules to those in force.

mod account;
mod capabilities;
mod files;
mod limits;
mod system_calls;
#[cfg(test)]
mod unit_filter;
mod user_namespaces;

use std::{fmt, io};

use nix::unistd::geteuid;
use rustix::thread::CapabilitySet;
use tracing::warn;

use crate::Error;

pub use account::Account;
pub use files::Files;
pub(crate) use limits::Limits;
pub(crate) use system_calls::memory;
pub use user_namespaces::UserNamespaces;
pub(crate) use user_namespaces::answer_all;

/// Whether a means of the kernel is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In force.
    InForce,
    /// In force as far as this kernel has it.
    Partial,
    /// This kernel does not have it.
    Unsupported,
    /// What has started this process does not allow it to be used.
    Refused,
}

/// What confines this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confined {
    /// The user that it runs as.
    pub uid: u32,
    /// seccomp(2).
    pub system_calls: Status,
    /// landlock(7).
    pub files: Status,
}

/// Confines this process, which has one thread: others start confined. `account` is the user that it
/// becomes.
///
/// Errors: [`Error::Confinement`] if it cannot give up privileges. It is no error that another means
/// cannot be used.
pub fn confine(account: Option<&Account>, files: &Files) -> Result<Confined, Error> {
    // Needed to change the SAD and SPD.
    capabilities::reduce(CapabilitySet::NET_ADMIN, account)
        .map_err(failed("giving up privileges"))?;
    if !geteuid().is_root() {
        Limits::set_of_user();
    }
    let files = files.restrict().unwrap_or_else(|error| refused("landlock", &error));
    let system_calls = system_calls::restrict().unwrap_or_else(|error| refused("seccomp", &error));
    Ok(Confined { uid: geteuid().as_raw(), system_calls, files })
}

/// Confines a process that keeps descriptors and can do nothing with them but send them.
///
/// Errors: [`Error::Confinement`].
pub(crate) fn confine_holder(account: Option<&Account>) -> Result<(), Error> {
    let doing = "confining the process that keeps descriptors";
    capabilities::reduce(CapabilitySet::empty(), account).map_err(failed(doing))?;
    let failed = |error| failed(doing)(io::Error::other(error));
    system_calls::restrict_to_keep().map(drop).map_err(failed)
}

fn refused(what: &'static str, error: &dyn fmt::Display) -> Status {
    warn!(what, %error, "not confined");
    Status::Refused
}

fn failed<E: Into<io::Error>>(doing: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Confinement { doing, source: source.into() }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::InForce => "in force",
            Status::Partial => "in part: the kernel is older",
            Status::Unsupported => "not in this kernel",
            Status::Refused => "not allowed here",
        })
    }
}
