//! Who waits in a system call that the supervisor was asked about.

use pfkey_socket::Caller;
use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags, fstat, open, stat},
    io::Errno,
    process::Pid,
    thread::{CapabilitySet, capabilities},
};

use super::sys;

/// Looks at a thread. It is the caller's only if that still waits afterwards.
pub fn of(thread: Pid) -> Result<Caller, Errno> {
    let namespace = |kind| format!("/proc/{}/ns/{kind}", thread.as_raw_nonzero());
    let netns = open(namespace("net"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let user_ns = stat(namespace("user"))?.st_ino;
    let effective = capabilities(Some(thread))?.effective;
    Ok(Caller {
        netns: Some(fstat(&netns)?.st_ino),
        net_admin: effective.contains(CapabilitySet::NET_ADMIN) && reaches(user_ns, &netns)?,
    })
}

/// Whether the capabilities of a user namespace hold in a network namespace: its owner is that
/// user namespace, or one below it (user_namespaces(7)).
fn reaches(user_ns: u64, netns: &OwnedFd) -> Result<bool, Errno> {
    let mut above = sys::owner(netns);
    while let Some(namespace) = above {
        if fstat(&namespace)?.st_ino == user_ns {
            return Ok(true);
        }
        above = sys::parent(&namespace);
    }
    Ok(false)
}
