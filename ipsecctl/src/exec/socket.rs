//! The sockets that the supervisor makes for the program.

use model::IpVersion;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{
        AddressFamily, Protocol, RawProtocol, SocketFlags, SocketType, socket_with,
        sockopt::set_ipv6_v6only,
    },
    thread::CapabilitySet,
};
use sockpolicy::IpSocket;

use super::Sockets;
use crate::{
    policy,
    seccomp_notify::{
        Call, Response,
        caller::Caller,
        identity::{act_for, enter},
        response::NewDescriptor,
    },
};

/// A socket with its policies, or the call fails: none is without.
pub fn answer(call: &Call<'_>, sockets: &Sockets) -> Response {
    match make(call, sockets) {
        Ok(file) => {
            let closes_on_exec = call.kind_and_flags().1.contains(SocketFlags::CLOEXEC);
            Response::Descriptor(NewDescriptor { file, closes_on_exec, numbers: None })
        }
        Err(errno) => Response::Errno(errno),
    }
}

fn make(call: &Call<'_>, sockets: &Sockets) -> Result<OwnedFd, Errno> {
    let caller = Caller::of(&call.thread()?)?;
    enter(&caller)?;
    let raw = caller.capabilities_in(&caller.netns)? & CapabilitySet::NET_RAW;
    let socket = act_for(&caller, raw, || plain(call))?;
    let made = IpSocket::of(&socket).map_err(|error| match error {
        // Programs that would rather have Multipath TCP fall back to TCP.
        sockpolicy::Error::Multipath | sockpolicy::Error::Sctp => Errno::PROTONOSUPPORT,
        error => error.errno(),
    })?;
    if made.left_to_spd() == Some(IpVersion::V4) && !sockets.dual_stack {
        set_ipv6_v6only(&socket, true)?;
    }
    let variables = sockets.variables().map_err(|error| error.errno())?;
    policy::give(&socket, &sockets.policies, &variables).map_err(|error| error.errno())?;
    Ok(socket)
}

/// What the kernel makes of the call.
fn plain(call: &Call<'_>) -> Result<OwnedFd, Errno> {
    let family = u16::try_from(call.int(0)).map_err(|_| Errno::AFNOSUPPORT)?;
    let (kind, flags) = call.kind_and_flags();
    let protocol = RawProtocol::new(call.int(2).cast_unsigned()).map(Protocol::from_raw);
    let family = AddressFamily::from_raw(family);
    socket_with(family, SocketType::from_raw(kind), flags | SocketFlags::CLOEXEC, protocol)
}
