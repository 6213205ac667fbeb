//! Acting for the process that called: in its network namespace, with its user and capabilities.

use rustix::{
    fd::AsFd,
    fs::fstat,
    io::Errno,
    process::{getegid, geteuid, getgroups},
    thread::{
        CapabilitySet, CapabilitySets, Gid, LinkNameSpaceType, Uid, capabilities,
        move_into_link_name_space, set_capabilities, set_thread_groups, set_thread_res_gid,
        set_thread_res_uid,
    },
};

use sys::process::exit;

use super::caller::Caller;

/// The credentials of this thread, which it has again after it acted for a caller.
struct Own {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
    capabilities: CapabilitySets,
}

/// Enters the network namespace of the caller, where this thread stays.
pub fn enter(caller: &Caller) -> Result<(), Errno> {
    if fstat(&caller.netns)?.st_ino == sys::netns::inode()? {
        return Ok(());
    }
    move_into_link_name_space(caller.netns.as_fd(), Some(LinkNameSpaceType::Network))
}

/// Acts as the caller: with its user and group, to which a socket belongs and which may be allowed to
/// ping (net.ipv4.ping_group_range), and of the capabilities with these alone, as far as this thread has
/// them.
pub fn act_for<T>(
    caller: &Caller,
    allowed: CapabilitySet,
    act: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let own = Own {
        uid: geteuid(),
        gid: getegid(),
        groups: getgroups()?,
        capabilities: capabilities(None)?,
    };
    let result = become_caller(caller, allowed, &own).and_then(|()| act());
    // No other call may be answered with the credentials of this caller.
    own.restore().unwrap_or_else(|_| exit());
    result
}

fn become_caller(caller: &Caller, allowed: CapabilitySet, own: &Own) -> Result<(), Errno> {
    if caller.groups != own.groups {
        set_thread_groups(&caller.groups)?;
    }
    if caller.egid != own.gid {
        set_thread_res_gid(None, caller.egid, None)?;
    }
    if caller.fsuid != own.uid {
        // The real and the saved user stay, and with them the permitted capabilities.
        set_thread_res_uid(None, caller.fsuid, None)?;
    }
    let effective = allowed & own.capabilities.permitted;
    set_capabilities(None, CapabilitySets { effective, ..own.capabilities })
}

impl Own {
    fn restore(&self) -> Result<(), Errno> {
        set_thread_res_uid(None, self.uid, None)?;
        set_capabilities(None, self.capabilities)?;
        if getegid() != self.gid {
            set_thread_res_gid(None, self.gid, None)?;
        }
        if getgroups()? != self.groups {
            set_thread_groups(&self.groups)?;
        }
        Ok(())
    }
}
