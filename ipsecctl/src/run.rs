//! `ipsecctl run`: any program, static ones too, with its PF_KEY sockets from the service.

use std::ffi::OsString;

use libc::sock_filter;
use pfkey_socket::{Call, Choice, PF_KEY, Settings};
use rustix::io::Errno;

use crate::{
    Error,
    supervise::{
        self, Answer, Notification, caller,
        filter::{Argument, allow, ask, in_own_convention, load, skip_unless},
    },
};

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
            Ok(()) => supervise::exec(&self.program),
            Err(error) => error,
        }
    }
}

fn supervise() -> Result<(), Error> {
    let settings = Settings::from_environment()?;
    if settings.choice() == Choice::Kernel {
        return Ok(());
    }
    supervise::supervise(&filter(), "run", |call| answer(call, &settings))
}

/// `socket(PF_KEY, ...)` asks; every other call goes on: those of 32-bit programs (i386's
/// `socketcall` too) have another convention, those of x32 other numbers.
fn filter() -> Vec<sock_filter> {
    let socket = [
        skip_unless(libc::SYS_socket, 3),
        load(Argument::at(0)),
        skip_unless(PF_KEY, 1),
        ask(),
        allow(),
    ];
    [&in_own_convention(allow())[..], &socket].concat()
}

/// The service sees the supervisor's privilege, so the supervisor looks at the caller's.
fn answer(notification: &Notification, settings: &Settings) -> Answer {
    let call = match Call::new(notification.kind, notification.protocol) {
        Ok(call) => call,
        Err(errno) => return Answer::Refused(errno),
    };
    match notification.thread.ok_or(Errno::SRCH).and_then(caller::of) {
        Ok(caller) => settings.answer(call, caller.for_pfkey()),
        Err(_) => Answer::Refused(Errno::PERM),
    }
}
