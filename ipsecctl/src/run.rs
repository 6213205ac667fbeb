//! `ipsecctl run`: any program, static ones too, with its PF_KEY sockets from the service.
//!
//! The program takes the place of this process, so that its exit status, its signals and its
//! terminal are its own. What stays is the supervisor, a process beside it.

mod caller;
mod filter;
mod supervisor;
mod sys;

use std::{ffi::OsString, io, os::unix::process::CommandExt, process};

use pfkey_socket::{Choice, Settings};
use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    thread::set_no_new_privs,
};

use crate::Error;
use sys::Listener;

/// Run a program whose PF_KEY sockets are those of the service.
///
/// `socket(PF_KEY, ...)` in the program, and in all that it starts, returns a connection to the
/// PF_KEY service of the network namespace, or the kernel's AF_KEY socket where none listens.
#[derive(clap::Args)]
pub struct Run {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

impl Run {
    /// Turns this process into the program. Returns only if that fails.
    pub fn execute(&self) -> Error {
        match supervise() {
            Ok(()) => self.exec(),
            Err(error) => error,
        }
    }

    fn exec(&self) -> Error {
        let mut words = self.program.iter();
        let program = words.next().cloned().unwrap_or_default();
        let error = process::Command::new(&program).args(words).exec();
        Error::Program { program, error }
    }
}

/// Puts this process, and so the program, under a supervisor.
fn supervise() -> Result<(), Error> {
    let settings = Settings::from_environment()?;
    if settings.choice() == Choice::Kernel {
        return Ok(());
    }
    let (ours, its) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|errno| Error::Supervisor(errno.into()))?;
    sys::detach(|| supervisor::run(its, &settings)).map_err(Error::Supervisor)?;
    let listener = listen().map_err(|error| match error.kind() {
        io::ErrorKind::ResourceBusy => Error::Supervised,
        _ => Error::Filter(error),
    })?;
    supervisor::send(&ours, &listener).map_err(|errno| Error::Supervisor(errno.into()))
}

/// Installs the filter. Without CAP_SYS_ADMIN the kernel takes one only from a process that can
/// gain no privilege any more (seccomp(2), EACCES).
fn listen() -> io::Result<Listener> {
    match Listener::install(&filter::PF_KEY_SOCKETS) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            set_no_new_privs(true)?;
            Listener::install(&filter::PF_KEY_SOCKETS)
        }
        installed => installed,
    }
}
