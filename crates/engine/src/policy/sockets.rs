//! What the SPD has to do with the policies of sockets, which no engine sets: `sockpolicy` does.

use model::SocketPolicy;
use xfrm::{Connection, SocketEntry};

use crate::{Error, policy::reqids::ReqIds};

/// The policies of the sockets of this thread's network namespace, newest first.
///
/// Errors: [`Error::Kernel`].
pub fn socket_policies() -> Result<Vec<SocketEntry>, Error> {
    let mut kernel = Connection::open()?;
    Ok(kernel.dump_socket_policies()?.collect::<Result<_, _>>()?)
}

/// Gives each `unique` without a number one that no policy of this thread's network namespace has,
/// a socket's or another.
///
/// Errors: [`Error::Kernel`], [`Error::NoReqId`].
pub fn choose_reqids(policies: &mut [SocketPolicy]) -> Result<(), Error> {
    if !policies.iter().any(|policy| ReqIds::wanted_by(policy.requests())) {
        return Ok(());
    }
    let mut reqids = ReqIds::default();
    for entry in Connection::open()?.dump_spd()? {
        reqids.note(&entry?);
    }
    let mut are_filled = policies.iter_mut().map(|policy| reqids.fill(policy.requests_mut()));
    if are_filled.all(|is_filled| is_filled) { Ok(()) } else { Err(Error::NoReqId) }
}
