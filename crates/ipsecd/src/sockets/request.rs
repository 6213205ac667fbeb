//! One request for a policy of a socket: it is received, checked, carried out and logged.

use std::{io::IoSliceMut, mem::MaybeUninit};

use model::SocketPolicy;
use rustix::{
    cmsg_space,
    fd::{AsFd, OwnedFd},
    io::{Errno, retry_on_intr},
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg},
};
use sockpolicy::{Policies, Reply, Socket};
use tracing::info;

use super::{Peer, Permissions, shared_engine::SharedEngine};

/// One byte more than `setsockopt(2)` accepts for the policy of a socket (`xfrm_user_policy`: a page).
const MAX_REQUEST: usize = 4097;

/// What was received from a client.
pub(crate) enum Received {
    /// A request, or why the message is none.
    Request(Result<PolicyRequest, Refusal>),
    /// The client has closed the connection or takes too long.
    End,
}

/// A policy for a socket.
pub(crate) struct PolicyRequest {
    policy: SocketPolicy,
    socket: OwnedFd,
}

/// Why a request is not carried out: the errno, and the text for the log and the client.
type Refusal = (Errno, String);

/// Waits for the next message of a client.
pub(crate) fn receive(connection: &impl AsFd) -> Received {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut value = [0; MAX_REQUEST];
    let received = retry_on_intr(|| {
        let value = &mut [IoSliceMut::new(&mut value)];
        recvmsg(connection, value, &mut control, RecvFlags::CMSG_CLOEXEC)
    });
    let received = match received {
        Ok(received) if received.bytes > 0 => received,
        _ => return Received::End,
    };
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let mut descriptors = descriptors.flatten();
    let (first, second) = (descriptors.next(), descriptors.next());
    let is_whole = !received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
    Received::Request(match (first, second) {
        (Some(socket), None) if is_whole => pfkey::socket_policy::read(&value[..received.bytes])
            .map(|policy| PolicyRequest { policy, socket })
            .map_err(|error| (error.errno(), error.to_string())),
        _ => Err((Errno::INVAL, "a request is one policy and one descriptor".into())),
    })
}

/// Carries out a request if the permissions allow it, and logs it.
pub(crate) fn answer(
    request: Result<PolicyRequest, Refusal>,
    peer: &Peer,
    permissions: &Permissions,
    engine: &SharedEngine,
) -> Reply {
    let (pid, uid) = (peer.pid, peer.uid);
    let cgroup = peer.cgroup.as_deref().unwrap_or("?");
    let text = match &request {
        Ok(request) => grammar::text_of_socket_policy(&request.policy).text.to_string(),
        Err(_) => "?".into(),
    };
    let done = request.and_then(|request| request.carry_out(peer, permissions, engine));
    match &done {
        Ok(cookie) => info!(pid, uid, cgroup, cookie, policy = text, "socket policy set"),
        Err((_, reason)) => info!(pid, uid, cgroup, policy = text, reason, "socket policy refused"),
    }
    Reply(done.map(drop))
}

impl PolicyRequest {
    /// Sets the policy on the socket. Returns the number in the policy that identifies the socket.
    fn carry_out(
        self,
        peer: &Peer,
        permissions: &Permissions,
        engine: &SharedEngine,
    ) -> Result<u32, Refusal> {
        let failed = |error: sockpolicy::Error| (error.errno(), error.to_string());
        let socket = Socket::of(&self.socket).map_err(failed)?;
        // The service may have capabilities in other network namespaces.
        if !socket.is_here().map_err(failed)? {
            let reason = "the socket is of another network namespace than this service";
            return Err((Errno::PERM, reason.into()));
        }
        if !permissions.allow(peer, &self.policy) {
            let action = self.policy.action().word();
            let reason = format!("no line of ipsecd.conf allows `{action}` to {peer}");
            return Err((Errno::PERM, reason));
        }
        let mut policies = [self.policy];
        let variables =
            engine.complete(&mut policies).map_err(|error| (error.errno(), error.to_string()))?;
        let policies = Policies::new(policies).map_err(failed)?;
        socket.set(&policies, &variables).map_err(failed)?;
        Ok(socket.cookie().map_err(failed)?.as_owner())
    }
}
