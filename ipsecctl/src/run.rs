//! `ipsecctl run`: any program, static ones too, with its PF_KEY sockets from the service and with
//! IP_IPSEC_POLICY.
//!
//! A program that is linked dynamically gets the library that is preloaded as well: in the program
//! itself a message costs less than by way of the supervisor. What the library does not reach comes
//! to the supervisor.

mod authority;
mod elf;
mod filter;
mod interests;
mod keysockets;
mod policies;
mod preload;
mod receive;
mod send;
mod socket_table;

use std::ffi::{OsStr, OsString};

use libc::sock_filter;
use pfkey::client::{Choice, PfKeySettings};

use crate::{
    Error,
    seccomp_notify::{self, Call, Response},
};
use keysockets::KeySockets;
use policies::Policies;

/// Run a program with PF_KEY sockets of the service, and IP_IPSEC_POLICY.
///
/// `socket(PF_KEY, ...)` in the program, and in all that it starts, returns a connection to the
/// PF_KEY service of the network namespace, or the kernel's AF_KEY socket where none listens.
#[derive(clap::Args)]
pub struct Run {
    /// Leave the program to the supervisor, without libpfkey-preload.so
    #[arg(long)]
    no_preload: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// What is served. `None`: the kernel answers.
struct Served {
    key_sockets: Option<KeySockets>,
    policies: Option<Policies>,
}

impl Run {
    /// Turns this process into the program. Returns only if that fails.
    pub fn execute(&self) -> Error {
        match self.prepare() {
            Ok(preloaded) => {
                let variable = preloaded.as_deref().map(|value| (preload::VARIABLE, value));
                seccomp_notify::exec(&self.program, variable)
            }
            Err(error) => error,
        }
    }

    /// Starts the supervisor. The value of the environment for the library, if the program gets it.
    fn prepare(&self) -> Result<Option<OsString>, Error> {
        let served = Served::from_environment()?;
        let parts = served.filter();
        if parts.is_empty() {
            return Ok(None);
        }
        seccomp_notify::start(&filter::filter(&parts), "run", move |call| served.answer(call))?;
        let program = self.program.first().map_or(OsStr::new(""), OsString::as_os_str);
        Ok(if self.no_preload { None } else { preload::for_program(program) })
    }
}

impl Served {
    fn from_environment() -> Result<Self, Error> {
        let settings = PfKeySettings::from_environment()?;
        let is_served = settings.choice() != Choice::Kernel;
        Ok(Self {
            key_sockets: is_served.then(|| KeySockets::new(settings)),
            policies: Policies::from_environment()?,
        })
    }

    fn filter(&self) -> Vec<Vec<sock_filter>> {
        let key_sockets = self.key_sockets.iter();
        let key_sockets = key_sockets.map(|sockets| filter::key_sockets(sockets.numbers()));
        key_sockets.chain(self.policies.iter().map(|_| filter::policies())).collect()
    }

    fn answer(&self, call: &Call<'_>) -> Response {
        let (key_sockets, policies) = (self.key_sockets.as_ref(), self.policies.as_ref());
        let answer = match call.number() {
            libc::SYS_setsockopt => policies.map(|policies| policies.set(call)),
            libc::SYS_getsockopt => policies.map(|policies| policies.get(call)),
            libc::SYS_socket => key_sockets.map(|sockets| sockets.open(call)),
            libc::SYS_dup | libc::SYS_fcntl => key_sockets.map(|sockets| sockets.duplicate(call)),
            libc::SYS_read
            | libc::SYS_readv
            | libc::SYS_recvfrom
            | libc::SYS_recvmsg
            | libc::SYS_recvmmsg => key_sockets.map(|sockets| receive::receive(call, sockets)),
            _ => key_sockets.map(|sockets| send::send(call, sockets)),
        };
        answer.unwrap_or(Ok(Response::Continue)).unwrap_or_else(Response::Errno)
    }
}
