use std::{
    fs, io,
    os::{fd::AsFd, unix::fs::MetadataExt},
};

use rustix::{
    io::Errno,
    net::sockopt::socket_peercred,
    thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities},
};
use sys::proc_status::Status;

/// The process that has connected, as it was then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::pfkey) struct Peer {
    pub(in crate::pfkey) pid: i32,
    /// The effective user.
    pub(in crate::pfkey) uid: u32,
    /// The name of the program, up to 15 bytes.
    pub(in crate::pfkey) program: String,
}

/// A process that has connected and must not.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::pfkey) struct Stranger {
    pub(in crate::pfkey) pid: i32,
    /// The name of the program, up to 15 bytes.
    pub(in crate::pfkey) program: String,
}

/// Whether a process may be a client.
pub(in crate::pfkey) enum Admission {
    Admitted(Peer),
    Rejected(Stranger),
}

/// The process that has connected, and whether it may administer this network namespace as AF_KEY asks
/// (`pfkey_create`): it must have CAP_NET_ADMIN, and in the user namespace of this service, which
/// has it over the network namespace.
///
/// The process is read when the connection is accepted. One that has ended can be read until its
/// parent has waited for it.
///
/// Errors: those of reading /proc.
pub(in crate::pfkey) fn admission(socket: impl AsFd) -> io::Result<Admission> {
    let credentials = socket_peercred(socket)?;
    let pid = credentials.pid.as_raw_nonzero().get();
    let process = format!("/proc/{pid}");
    let user = |process: &str| fs::metadata(format!("{process}/ns/user")).map(|file| file.ino());
    let (is_of_our_namespace, status) = with_ptrace(|| {
        let is_of_our_namespace = user(&process)? == user("/proc/thread-self")?;
        let status = fs::read_to_string(format!("{process}/status")).map(Status::new)?;
        Ok::<_, io::Error>((is_of_our_namespace, status))
    })?
    .map_err(|error: io::Error| io::Error::new(error.kind(), format!("process {pid}: {error}")))?;
    let may_administer =
        status.effective().is_some_and(|effective| effective.contains(CapabilitySet::NET_ADMIN));
    let program = status.name().to_owned();
    Ok(if is_of_our_namespace && may_administer {
        Admission::Admitted(Peer { pid, uid: credentials.uid.as_raw(), program })
    } else {
        Admission::Rejected(Stranger { pid, program })
    })
}

/// Reads from /proc with CAP_SYS_PTRACE, which is effective meanwhile only: the kernel shows the
/// namespaces of a process to a thread that has all of its capabilities, or this one
/// (`ptrace_may_access`, kernel/ptrace.c).
fn with_ptrace<T>(read: impl FnOnce() -> T) -> Result<T, Errno> {
    let usual = capabilities(None)?;
    let raised = usual.effective | usual.permitted & CapabilitySet::SYS_PTRACE;
    set_capabilities(None, CapabilitySets { effective: raised, ..usual })?;
    let result = read();
    set_capabilities(None, usual)?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    #[test]
    fn this_process_gets_in_if_it_may_administer_the_network() {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (ours, _theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        let before = capabilities(None).unwrap();
        let (is_admitted, pid) = match admission(ours).unwrap() {
            Admission::Admitted(peer) => (true, peer.pid),
            Admission::Rejected(stranger) => (false, stranger.pid),
        };
        assert_eq!(is_admitted, before.effective.contains(CapabilitySet::NET_ADMIN));
        assert_eq!(pid, std::process::id().cast_signed());
        assert_eq!(capabilities(None).unwrap(), before);
    }
}
