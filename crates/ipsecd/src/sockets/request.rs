//! One request for a policy of a socket: it is received, checked and carried out.

use std::{io::IoSliceMut, mem::MaybeUninit};

use model::SocketPolicy;
use rustix::{
    cmsg_space,
    fd::{AsFd, OwnedFd},
    io::{Errno, retry_on_intr},
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg},
};
use sockpolicy::{Policies, Socket};

use super::{Peer, Permissions, grant::Grant, shared_engine::SharedEngine};

/// One byte more than `setsockopt(2)` accepts for the policy of a socket (`xfrm_user_policy`: a page).
const MAX_REQUEST: usize = 4097;

/// As many descriptors as a message can have (`SCM_MAX_FD`, net/scm.h). With room for fewer, the kernel
/// would close the others.
const MAX_DESCRIPTORS: usize = 253;

/// What was received from a client.
pub(super) struct Received {
    /// The policy, or why the message is no request.
    pub(super) policy: Result<SocketPolicy, Refusal>,
    /// All descriptors, of which a request has one: the socket.
    pub(super) descriptors: Vec<OwnedFd>,
}

/// Why a request is not carried out: the errno, and the text for the log and the client.
pub(super) type Refusal = (Errno, String);

/// Waits for the request of a client. `None`: it has closed the connection, or takes too long.
pub(super) fn receive(connection: &impl AsFd) -> Option<Received> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut value = [0; MAX_REQUEST];
    let received = retry_on_intr(|| {
        let value = &mut [IoSliceMut::new(&mut value)];
        recvmsg(connection, value, &mut control, RecvFlags::CMSG_CLOEXEC)
    });
    let received = received.ok()?;
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptors: Vec<_> = descriptors.flatten().collect();
    if received.bytes == 0 && descriptors.is_empty() {
        return None;
    }
    let is_whole = !received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
    let policy = if is_whole && descriptors.len() == 1 {
        pfkey::socket_policy::read(&value[..received.bytes])
            .map_err(|error| (error.errno(), error.to_string()))
    } else {
        Err((Errno::INVAL, "a request is one policy and one descriptor".into()))
    };
    Some(Received { policy, descriptors })
}

/// Sets a policy on the socket if the permissions allow it. Returns the number in the policy that
/// identifies the socket.
pub(super) fn carry_out(
    policy: SocketPolicy,
    socket: &OwnedFd,
    peer: &Peer,
    permissions: &Permissions,
    engine: &SharedEngine,
) -> Result<u32, Refusal> {
    let failed = |error: sockpolicy::Error| (error.errno(), error.to_string());
    let unusable = |error: engine::Error| (error.errno(), error.to_string());
    let socket = Socket::of(socket).map_err(failed)?;
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
    let policies = Policies::new(policies).map_err(failed)?;
    socket.set(&policies, &variables).map_err(failed)?;
    Ok(socket.cookie().map_err(failed)?.as_owner())
}
