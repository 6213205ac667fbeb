//! `ipsecctl socket`: the policies of open sockets of any process.

mod list;
mod process;

use std::process::ExitCode;

use model::{SocketPolicy, Variables};
use rustix::{
    fd::AsFd,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use sockpolicy::IpSocket;

use crate::{Error, policy};

/// Show, give and take away the IPsec policies of sockets.
#[derive(clap::Subcommand)]
pub enum SocketVerb {
    /// Show the sockets of this network namespace that have policies
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a socket policies, which decide before the SPD does, from its next packet on
    Set {
        #[command(flatten)]
        descriptor: Descriptor,
        /// What it does with packets of one direction, as in `out ipsec esp/transport//require`
        #[arg(required = true, value_name = "POLICY", value_parser = policy::read)]
        policies: Vec<SocketPolicy>,
    },
    /// Take the policies of a socket away: the SPD decides
    Clear {
        #[command(flatten)]
        descriptor: Descriptor,
    },
}

/// A descriptor of a process.
#[derive(clap::Args, Clone, Copy)]
pub struct Descriptor {
    /// The process
    #[arg(value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pid: i32,
    /// The number of the descriptor in the process
    #[arg(value_name = "FD", value_parser = clap::value_parser!(i32).range(0..))]
    fd: i32,
}

impl SocketVerb {
    /// Carries it out.
    pub fn execute(self) -> Result<ExitCode, Error> {
        match self {
            SocketVerb::List { json } => return list::print(json),
            SocketVerb::Set { descriptor, policies } => set(descriptor, policies)?,
            SocketVerb::Clear { descriptor } => {
                let socket = process::take(descriptor)?;
                policy::give(&socket, &policy::none()?, &Variables::default())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The number that the policies of a socket of another process bear, in this network namespace.
pub fn owner(pid: i32, fd: i32) -> Result<u32, Error> {
    let taken = process::take(Descriptor { pid, fd })?;
    Ok(IpSocket::of(&taken)?.cookie()?.as_owner())
}

fn set(descriptor: Descriptor, policies: Vec<SocketPolicy>) -> Result<(), Error> {
    let taken = process::take(descriptor)?;
    let socket = IpSocket::of(&taken)?;
    enter_namespace_of(socket)?;
    policy::give(&taken, &policy::together(policies)?, &engine::variables()?)?;
    if let Some(version) = socket.left_to_spd() {
        let kept = socket.version();
        let note = format!(
            "{version} on this socket is left to the SPD: the kernel keeps policies of one IP \
             version for a socket, here {kept}"
        );
        cli::print_error("ipsecctl", &note);
    }
    Ok(())
}

/// The host's variables and the numbers of `unique` are those of the socket's network namespace.
/// Without privilege there, only ipsecd can help, and it serves its own.
fn enter_namespace_of(socket: IpSocket<'_>) -> Result<(), Error> {
    match socket.is_here() {
        Ok(true) | Err(sockpolicy::Error::NoCapability) => Ok(()),
        Ok(false) => {
            let namespace = socket.network_namespace()?;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|errno| Error::Namespace(errno.into()))
        }
        Err(error) => Err(error.into()),
    }
}
