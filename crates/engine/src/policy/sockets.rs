//! The policies of sockets in the SPD. `sockpolicy` sets them by setsockopt(2).

use model::{PolicyEntry, SocketPolicy};
use xfrm::Connection;

use crate::{Error, Namespace, policy::reqids::ReqIds, state::reqid_counter::ReqIdCounter};

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
    let own = |xfrm::SocketPolicyEntry { owner, entry }| SocketEntry { owner, entry };
    let entries = kernel.dump_socket_policies()?.map(|entry| entry.map(own));
    Ok(entries.collect::<Result<_, _>>()?)
}

/// Gives each `unique` without a number one that no policy and no SA of this thread's network namespace
/// has, and that was not given before.
///
/// Errors: [`Error::Kernel`], [`Error::Locked`].
pub fn choose_reqids(policies: &mut [SocketPolicy]) -> Result<(), Error> {
    if lack_reqids(policies) {
        fill_reqids(&mut Connection::open()?, &Namespace::current(), policies)?;
    }
    Ok(())
}

/// Whether there is a `unique` without a number.
pub(crate) fn lack_reqids(policies: &[SocketPolicy]) -> bool {
    policies.iter().any(|policy| ReqIds::wanted_by(policy.templates()) > 0)
}

/// Chooses the numbers. The caller has no lock.
pub(crate) fn fill_reqids(
    kernel: &mut Connection,
    namespace: &Namespace,
    policies: &mut [SocketPolicy],
) -> Result<(), Error> {
    let counter = ReqIdCounter::of(namespace);
    let mut reqids = ReqIds::default();
    let count = policies.iter().map(|policy| ReqIds::wanted_by(policy.templates())).sum();
    reqids.reserve(count, kernel, &counter)?;
    for policy in policies {
        reqids.fill(policy.templates_mut());
    }
    reqids.give_back(&counter);
    Ok(())
}
