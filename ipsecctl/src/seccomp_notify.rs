//! A program some of whose system calls are answered by another process (seccomp_unotify(2)).
//!
//! The program takes the place of this process, so that its exit status, its signals and its
//! terminal are its own. The supervisor goes on in the background.

pub mod call;
pub mod caller;
pub mod filter;
pub mod identity;
pub mod memory;
pub mod response;
mod supervisor;

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    process,
};

use libc::sock_filter;
use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    thread::set_no_new_privs,
};

use crate::Error;
use sys::{process::detach, seccomp::NotificationListener};

pub use call::{Call, thread::Thread};
pub use response::Response;

/// Turns this process into a program, with a variable more in its environment. Returns only if that
/// fails.
pub fn exec(program: &[OsString], variable: Option<(&str, &OsStr)>) -> Error {
    let mut words = program.iter();
    let program = words.next().cloned().unwrap_or_default();
    let error = process::Command::new(&program).args(words).envs(variable).exec();
    Error::Program { program, error }
}

/// Starts a supervisor, and installs the filter whose notifications it answers in this process, and so
/// in the program. `subcommand` is named in errors.
pub fn start(
    filter: &[sock_filter],
    subcommand: &'static str,
    answer: impl Fn(&Call<'_>) -> Response + Send + Sync + 'static,
) -> Result<(), Error> {
    // A caller is looked up there, by its number.
    if !sys::pidfd::has_own_proc().map_err(Error::Processes)? {
        return Err(Error::ForeignProc);
    }
    let (ours, its) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|errno| Error::Supervisor(errno.into()))?;
    detach(its, &[], || {
        // An error cannot be reported: the supervisor has no terminal. Calls fail without it.
        let _ = supervisor::run(answer);
    })
    .map_err(Error::Supervisor)?;
    let listener = listen(filter).map_err(|error| match error.kind() {
        io::ErrorKind::ResourceBusy => Error::Nested { subcommand },
        _ => Error::Filter(error),
    })?;
    if !listener.can_add_descriptors() {
        return Err(Error::Filter(io::ErrorKind::Unsupported.into()));
    }
    supervisor::send(&ours, &listener).map_err(|errno| Error::Supervisor(errno.into()))
}

/// Installs the filter. Without CAP_SYS_ADMIN the kernel takes one only from a process that can
/// gain no privilege any more (seccomp(2), EACCES).
fn listen(filter: &[sock_filter]) -> io::Result<NotificationListener> {
    match NotificationListener::install(filter) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            set_no_new_privs(true)?;
            NotificationListener::install(filter)
        }
        installed => installed,
    }
}
