//! The process that has connected, and whether it may be a client.

use std::os::fd::AsFd;

use rustix::{fs::stat, io::Errno, thread::CapabilitySet};
use sys::{pidfd::Process, proc_status::ProcStatus, sockopt::peer_credentials};

use crate::confinement::UserNamespaces;

/// The process that has connected, as it was then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::pfkey) struct Peer {
    pub(in crate::pfkey) pid: i32,
    /// The effective user.
    pub(in crate::pfkey) uid: u32,
    /// The name of the program, up to 15 bytes.
    pub(in crate::pfkey) program: String,
}

/// A process that has connected and must not be a client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("process {pid} of user {uid}: {reason}")]
pub(in crate::pfkey) struct Stranger {
    /// 0 for a process of another PID namespace.
    pub(in crate::pfkey) pid: i32,
    pub(in crate::pfkey) uid: u32,
    /// The name of the program, up to 15 bytes. Empty if it is unknown.
    pub(in crate::pfkey) program: String,
    pub(in crate::pfkey) reason: RejectReason,
}

/// Why a process is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::pfkey) enum RejectReason {
    #[error("no CAP_NET_ADMIN in this user namespace")]
    NoCapability,
    #[error("process of another PID namespace")]
    PidNamespace,
    #[error("process unknown: {0}")]
    Unknown(Errno),
}

impl RejectReason {
    /// The errno that the process gets.
    pub(in crate::pfkey) fn errno(self) -> Errno {
        match self {
            // As socket(2) returns it to a program of AF_KEY.
            RejectReason::Unknown(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => errno,
            RejectReason::NoCapability | RejectReason::PidNamespace | RejectReason::Unknown(_) => {
                Errno::PERM
            }
        }
    }
}

/// The process that has connected, if it may administer this network namespace as AF_KEY requires it
/// (`pfkey_create`): it must have CAP_NET_ADMIN, and in the user namespace of this service, which
/// has it over the network namespace.
///
/// The process is read when the connection is accepted. One that has ended can be read until its
/// parent has waited for it.
pub(in crate::pfkey) fn admission(
    socket: impl AsFd,
    namespaces: &UserNamespaces,
) -> Result<Peer, Stranger> {
    let stranger = |pid, uid, reason| Stranger { pid, uid, program: String::new(), reason };
    let credentials = peer_credentials(&socket)
        .map_err(|errno| stranger(0, u32::MAX, RejectReason::Unknown(errno)))?;
    let uid = credentials.uid;
    let number = credentials.pid.ok_or_else(|| stranger(0, uid, RejectReason::PidNamespace))?;
    let pid = number.as_raw_nonzero().get();
    let look = || {
        let process = Process::of_peer(&socket, number)?;
        let status = ProcStatus::new(process.read("status")?);
        Ok((may_administer(&process, &status, namespaces)?, status.name().to_owned()))
    };
    let (is_admitted, program) =
        look().map_err(|errno: Errno| stranger(pid, uid, RejectReason::Unknown(errno)))?;
    if is_admitted {
        Ok(Peer { pid, uid, program })
    } else {
        Err(Stranger { pid, uid, program, reason: RejectReason::NoCapability })
    }
}

/// Whether a process has CAP_NET_ADMIN in the user namespace of this thread.
fn may_administer(
    process: &Process,
    status: &ProcStatus,
    namespaces: &UserNamespaces,
) -> Result<bool, Errno> {
    let may = |effective: CapabilitySet| effective.contains(CapabilitySet::NET_ADMIN);
    if !status.effective().is_some_and(may) {
        return Ok(false);
    }
    let theirs = namespaces.of(process.number());
    // The number was that of this process.
    process.is_there()?;
    Ok(theirs? == stat("/proc/thread-self/ns/user")?.st_ino)
}

#[cfg(test)]
mod tests {
    use rustix::{
        net::{AddressFamily, SocketFlags, SocketType, socketpair},
        thread::capabilities,
    };

    use super::*;

    #[test]
    fn this_process_gets_in_if_it_may_administer_the_network() {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (ours, _theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        let effective = capabilities(None).unwrap().effective;
        let (is_admitted, pid) = match admission(ours, &UserNamespaces::default()) {
            Ok(peer) => (true, peer.pid),
            Err(stranger) => (false, stranger.pid),
        };
        assert_eq!(is_admitted, effective.contains(CapabilitySet::NET_ADMIN));
        assert_eq!(pid, std::process::id().cast_signed());
    }
}
