//! Policies of sockets: from the command line, to the kernel.

use std::os::fd::AsFd;

use cli::error_in_one_line;
use model::{Dialect, Direction, Priority, SocketAction, SocketPolicy, Variables};
use rustix::io::Errno;
use sockpolicy::{IpSocket, ServiceAddress, SocketPolicies};
use sys::SystemNames;

use crate::Error;

/// Reads a policy string; the error names the mistake, its place and the remedy in one line.
pub fn read(text: &str) -> Result<SocketPolicy, String> {
    grammar::socket_policy(text, Dialect::Linux, &SystemNames)
        .map_err(|error| error_in_one_line(&error))
}

/// Takes policies together, each `unique` with its number. Without privilege the SPD is not to be
/// read: then the service chooses them.
pub fn together(mut policies: Vec<SocketPolicy>) -> Result<SocketPolicies, Error> {
    match engine::choose_reqids(&mut policies) {
        Err(error) if error.errno() != Errno::PERM => Err(error.into()),
        _ => Ok(SocketPolicies::new(policies)?),
    }
}

/// Policies that leave all packets to the SPD.
pub fn none() -> Result<SocketPolicies, Error> {
    let entrust = |direction| {
        SocketPolicy::new(direction, Priority::DEFAULT, SocketAction::Entrust).map_err(Error::Model)
    };
    Ok(SocketPolicies::new([entrust(Direction::In)?, entrust(Direction::Out)?])?)
}

/// Gives a socket policies: by this process's privilege, or by ipsecd's.
pub fn give(
    descriptor: &impl AsFd,
    policies: &SocketPolicies,
    variables: &Variables,
) -> Result<(), Error> {
    match IpSocket::of(descriptor)?.set(policies, variables) {
        Err(sockpolicy::Error::NoCapability | sockpolicy::Error::NoReqId) => {
            policies.iter().try_for_each(|policy| by_service(descriptor, policy))
        }
        result => Ok(result?),
    }
}

fn by_service(descriptor: &impl AsFd, policy: &SocketPolicy) -> Result<(), Error> {
    let value = pfkey::socket_policy::value(policy)?;
    ServiceAddress::here()
        .and_then(|service| service.set(descriptor, &value))
        .map_err(|refusal| Error::Unprivileged { direction: policy.direction(), refusal })
}
