//! One request for a policy of a socket: it is received, checked and carried out.

use model::SocketPolicy;
use rustix::{fd::OwnedFd, io::Errno};
use sockpolicy::{IpSocket, SocketPolicies};
use sys::foreign::{ForeignMessage, NoSocket, Receiver};

use super::{Peer, Permissions, grant::Grant, shared_engine::SharedEngine};

/// One byte more than `setsockopt(2)` accepts for the policy of a socket (`xfrm_user_policy`: a page).
pub(super) const MAX_REQUEST: usize = 4097;

/// What was received from a client.
pub(super) struct Received {
    /// The policy, or why the message is no request.
    pub(super) policy: Result<SocketPolicy, RequestRefusal>,
    /// The socket of a request.
    pub(super) socket: Option<OwnedFd>,
}

/// Why a request is not carried out: the errno, and the text for the log and the client.
pub(super) type RequestRefusal = (Errno, String);

/// Waits for the request of a client. `None`: it has closed the connection, or takes too long.
pub(super) fn receive(receiver: &Receiver) -> Option<Received> {
    let ForeignMessage { bytes, socket } = receiver.message()?;
    let refusal = |reason: &str| (Errno::INVAL, reason.to_owned());
    let policy = match &socket {
        Ok(_) => {
            pfkey::socket_policy::read(&bytes).map_err(|error| (error.errno(), error.to_string()))
        }
        Err(NoSocket::NotOne) => Err(refusal("a request is one policy and one descriptor")),
        Err(NoSocket::OtherKind) => Err(refusal("the descriptor is not a socket")),
    };
    Some(Received { policy, socket: socket.ok() })
}

/// Sets a policy on the socket if the permissions allow it. Returns the number in the policy that
/// identifies the socket.
pub(super) fn carry_out(
    policy: SocketPolicy,
    socket: &OwnedFd,
    peer: &Peer,
    permissions: &Permissions,
    engine: &SharedEngine,
) -> Result<u32, RequestRefusal> {
    let failed = |error: sockpolicy::Error| (error.errno(), error.to_string());
    let unusable = |error: engine::Error| (error.errno(), error.to_string());
    let socket = IpSocket::of(socket).map_err(failed)?;
    // The service may have capabilities in other network namespaces.
    if !socket.is_here().map_err(failed)? {
        let reason = "the socket is of another network namespace than this service";
        return Err((Errno::PERM, reason.into()));
    }
    let variables = engine.variables().map_err(unusable)?;
    let needed = Grant::needed(&policy, socket.version(), &variables);
    if let Some(missing) = permissions.missing(peer, &needed) {
        return Err((Errno::PERM, format!("no line of ipsecd.conf permits `{missing}` to {peer}")));
    }
    let mut policies = [policy];
    engine.choose_reqids(&mut policies).map_err(unusable)?;
    let policies = SocketPolicies::new(policies).map_err(failed)?;
    socket.set(&policies, &variables).map_err(failed)?;
    Ok(socket.cookie().map_err(failed)?.as_owner())
}
