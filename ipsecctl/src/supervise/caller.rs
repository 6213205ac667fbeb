//! Who waits in a system call that the supervisor was asked about.

use std::fs;

use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags, fstat, open, stat},
    io::Errno,
    process::Pid,
    thread::{CapabilitySet, Gid, Uid, capabilities},
};

use super::sys;

/// A thread. What is read of it is the caller's only if that still waits afterwards.
pub struct Caller {
    /// Its network namespace.
    pub netns: OwnedFd,
    /// Those of its effective capabilities that hold there: all or none.
    pub capabilities: CapabilitySet,
    /// Whom what it makes belongs to.
    pub fsuid: Uid,
    /// Its effective group.
    pub egid: Gid,
    /// Its other groups.
    pub groups: Vec<Gid>,
}

/// Looks at a thread.
pub fn of(thread: Pid) -> Result<Caller, Errno> {
    let file = |name| format!("/proc/{}/{name}", thread.as_raw_nonzero());
    let netns = open(file("ns/net"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let user_ns = stat(file("ns/user"))?.st_ino;
    let effective = capabilities(Some(thread))?.effective;
    let reaches = reaches(user_ns, &netns)?;
    let status = fs::read_to_string(file("status")).map_err(|_| Errno::SRCH)?;
    let numbers = |label: &str| -> Vec<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(label));
        line.unwrap_or_default().split_whitespace().flat_map(str::parse).collect()
    };
    // Real, effective, saved, file system (proc_pid_status(5)).
    let (uids, gids) = (numbers("Uid:"), numbers("Gid:"));
    Ok(Caller {
        netns,
        capabilities: if reaches { effective } else { CapabilitySet::empty() },
        fsuid: Uid::from_raw(*uids.get(3).ok_or(Errno::SRCH)?),
        egid: Gid::from_raw(*gids.get(1).ok_or(Errno::SRCH)?),
        groups: numbers("Groups:").into_iter().map(Gid::from_raw).collect(),
    })
}

impl Caller {
    /// What the PF_KEY service asks of it.
    pub fn for_pfkey(&self) -> pfkey_socket::Caller {
        pfkey_socket::Caller {
            netns: fstat(&self.netns).map(|netns| netns.st_ino).ok(),
            net_admin: self.capabilities.contains(CapabilitySet::NET_ADMIN),
        }
    }
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
