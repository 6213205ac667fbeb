//! Who waits in a system call that the supervisor was asked about.

use rustix::{
    fd::OwnedFd,
    fs::{OFlags, fstat},
    io::Errno,
    thread::{CapabilitySet, Gid, Uid},
};

use super::{sys, thread::Thread};

/// What a thread may do, and as whom.
pub struct Caller {
    /// Its network namespace.
    pub netns: OwnedFd,
    /// Its effective capabilities, in its own user namespace and those below.
    effective: CapabilitySet,
    /// The inode of its user namespace.
    user_ns: u64,
    /// Whom what it makes belongs to.
    pub fsuid: Uid,
    /// Its effective group.
    pub egid: Gid,
    /// Its other groups.
    pub groups: Vec<Gid>,
}

impl Caller {
    /// Looks at a thread.
    pub fn of(thread: &Thread<'_>) -> Result<Self, Errno> {
        let netns = thread.open("ns/net", OFlags::RDONLY)?;
        let user_ns = thread.stat("ns/user")?.st_ino;
        let status = thread.status()?;
        let words = |label: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(label));
            line.unwrap_or_default().split_whitespace()
        };
        let numbers = |label| words(label).flat_map(str::parse).collect::<Vec<u32>>();
        let effective = words("CapEff:").next().and_then(|word| u64::from_str_radix(word, 16).ok());
        // Real, effective, saved, file system (proc_pid_status(5)).
        let (uids, gids) = (numbers("Uid:"), numbers("Gid:"));
        Ok(Self {
            netns,
            effective: CapabilitySet::from_bits_retain(effective.ok_or(Errno::SRCH)?),
            user_ns,
            fsuid: Uid::from_raw(*uids.get(3).ok_or(Errno::SRCH)?),
            egid: Gid::from_raw(*gids.get(1).ok_or(Errno::SRCH)?),
            groups: numbers("Groups:").into_iter().map(Gid::from_raw).collect(),
        })
    }

    /// Those of its effective capabilities that hold in a network namespace: all or none.
    pub fn capabilities_in(&self, netns: &OwnedFd) -> Result<CapabilitySet, Errno> {
        let reaches = reaches(self.user_ns, netns)?;
        Ok(if reaches { self.effective } else { CapabilitySet::empty() })
    }

    /// The inode of its network namespace.
    pub fn netns_inode(&self) -> Option<u64> {
        fstat(&self.netns).map(|netns| netns.st_ino).ok()
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
