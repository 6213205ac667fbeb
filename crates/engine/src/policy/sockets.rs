//! The policies of sockets in the SPD. `sockpolicy` sets them by setsockopt(2).

use model::{PolicyEntry, SocketPolicy};
use xfrm::Connection;

use crate::{Error, policy::reqids::ReqIds};

/// A policy of the SPD that is a socket's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketEntry {
    /// The number that the policy was set with: the lower half of the socket's cookie, if
    /// `sockpolicy` has set it. A socket that was accepted has a copy of its listener's policy, with
    /// the listener's number.
    pub owner: Option<u32>,
    /// The policy.
    pub entry: PolicyEntry,
}

/// The policies of the sockets of this thread's network namespace, newest first.
///
/// Errors: [`Error::Kernel`].
pub fn socket_policies() -> Result<Vec<SocketEntry>, Error> {
    let mut kernel = Connection::open()?;
    let own = |xfrm::SocketEntry { owner, entry }| SocketEntry { owner, entry };
    let entries = kernel.dump_socket_policies()?.map(|entry| entry.map(own));
    Ok(entries.collect::<Result<_, _>>()?)
}

/// Gives each `unique` without a number one that no policy of this thread's network namespace has,
/// in the SPD or of a socket.
///
/// Errors: [`Error::Kernel`], [`Error::NoReqId`].
pub fn choose_reqids(policies: &mut [SocketPolicy]) -> Result<(), Error> {
    if lack_reqids(policies) {
        fill_reqids(&mut Connection::open()?, policies)?;
    }
    Ok(())
}

/// Whether there is a `unique` without a number.
pub(crate) fn lack_reqids(policies: &[SocketPolicy]) -> bool {
    policies.iter().any(|policy| ReqIds::wanted_by(policy.templates()))
}

/// Chooses the numbers, after the SPD was read.
pub(crate) fn fill_reqids(
    kernel: &mut Connection,
    policies: &mut [SocketPolicy],
) -> Result<(), Error> {
    let mut reqids = ReqIds::default();
    for entry in kernel.dump_spd()? {
        reqids.note(&entry?);
    }
    let mut are_filled = policies.iter_mut().map(|policy| reqids.fill(policy.templates_mut()));
    if are_filled.all(|is_filled| is_filled) { Ok(()) } else { Err(Error::NoReqId) }
}
