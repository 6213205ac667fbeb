//! The thread that waits in a system call: its namespaces and credentials.

use rustix::{
    fd::OwnedFd,
    fs::{OFlags, fstat},
    io::Errno,
    thread::{CapabilitySet, Gid, Uid},
};

use sys::netns;

use super::call::thread::Thread;

/// The credentials of a thread.
pub struct Caller {
    /// Its network namespace.
    pub netns: OwnedFd,
    /// Its effective capabilities, in its own user namespace and those below.
    effective: CapabilitySet,
    /// The inode of its user namespace.
    user_ns: u64,
    /// The owner of the files that it makes.
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
        Ok(Self {
            netns,
            effective: status.effective().ok_or(Errno::SRCH)?,
            user_ns,
            fsuid: Uid::from_raw(status.file_system_user().ok_or(Errno::SRCH)?),
            egid: Gid::from_raw(status.effective_group().ok_or(Errno::SRCH)?),
            groups: status.groups().into_iter().map(Gid::from_raw).collect(),
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
    let mut above = netns::owner(netns).ok();
    while let Some(namespace) = above {
        if fstat(&namespace)?.st_ino == user_ns {
            return Ok(true);
        }
        above = netns::parent(&namespace).ok();
    }
    Ok(false)
}
