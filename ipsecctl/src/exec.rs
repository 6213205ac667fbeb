//! `ipsecctl exec`: any program, static ones too, with policies on its sockets.

mod filter;
mod socket;

use std::{ffi::OsString, net::UdpSocket};

use model::{Level, SocketPolicy, Variables};
use sockpolicy::SocketPolicies;

use crate::{Error, policy, seccomp_notify};

/// Run a program whose IPv4 and IPv6 sockets have IPsec policies.
///
/// Every socket that the program makes, and all that it starts, has the policies from the
/// beginning. They decide before the SPD does.
#[derive(clap::Args)]
pub struct Exec {
    /// What its sockets do with packets of one direction, as in `out ipsec esp/transport//require`
    #[arg(long = "policy", required = true, value_name = "POLICY", value_parser = policy::read)]
    policies: Vec<SocketPolicy>,
    /// Let sockets of IPv6 carry IPv4 too, which is left to the SPD
    #[arg(long)]
    dual_stack: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// What every socket of the program gets.
struct Sockets {
    policies: SocketPolicies,
    /// Whether a template has the level `default`, which depends on the host's variables at the moment.
    has_default_level: bool,
    dual_stack: bool,
}

impl Exec {
    /// Turns this process into the program. Returns only if that fails.
    pub fn execute(self) -> Error {
        match self.sockets().and_then(|sockets| {
            let filter = filter::inet_sockets(sockets.dual_stack);
            seccomp_notify::start(&filter, "exec", move |call| socket::answer(call, &sockets))
        }) {
            Ok(()) => seccomp_notify::exec(&self.program, None),
            Err(error) => error,
        }
    }

    fn sockets(&self) -> Result<Sockets, Error> {
        let policies = policy::together(self.policies.clone())?;
        let has_default_level = policies
            .iter()
            .flat_map(SocketPolicy::templates)
            .any(|request| request.level == Level::Default);
        let sockets = Sockets { policies, has_default_level, dual_stack: self.dual_stack };
        sockets.try_out()?;
        Ok(sockets)
    }
}

impl Sockets {
    fn variables(&self) -> Result<Variables, engine::Error> {
        if self.has_default_level { engine::variables() } else { Ok(Variables::default()) }
    }

    /// Finds out now what would make each call of the program fail.
    fn try_out(&self) -> Result<(), Error> {
        let variables = self.variables()?;
        for address in ["0.0.0.0:0", "[::]:0"] {
            // A kernel may be without one of the versions.
            if let Ok(socket) = UdpSocket::bind(address) {
                policy::give(&socket, &self.policies, &variables)?;
            }
        }
        Ok(())
    }
}
