//! The privileges of the daemon after its start: CAP_NET_ADMIN. The thread of the PF_KEY service may
//! use CAP_SYS_PTRACE as well, while it reads a client's /proc files.
//!
//! The files under `/run/xfrm-tools` belong to root, so no other capability is needed to open them. A
//! program that a daemon of user 0 executes gets the bounding set, and under `no_new_privs` no more
//! than the daemon has.

use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
    },
};

use crate::Error;

/// Needed to change the SAD and SPD.
const KEPT: CapabilitySet = CapabilitySet::NET_ADMIN;

/// Needed to read the namespaces of a process with more capabilities: the service accepts clients with
/// CAP_NET_ADMIN in its own user namespace.
const FOR_PROC: CapabilitySet = CapabilitySet::SYS_PTRACE;

/// Gives up all other privileges, for this thread and those that it starts from now on.
pub(crate) fn reduce() -> Result<(), Error> {
    bound(KEPT).and_then(|()| give_up(KEPT)).map_err(Error::Privileges)
}

/// The same for the thread of the PF_KEY service.
pub(crate) fn reduce_for_pfkey() -> Result<(), Error> {
    let kept = KEPT | FOR_PROC;
    bound(kept).and_then(|()| give_up(kept)).map_err(Error::Privileges)
}

/// Reduces the bounding set. Without CAP_SETPCAP it stays as the parent process has set it.
fn bound(kept: CapabilitySet) -> Result<(), Errno> {
    if !capabilities(None)?.effective.contains(CapabilitySet::SETPCAP) {
        return Ok(());
    }
    let every = (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit));
    for capability in every.filter(|capability| !kept.contains(*capability)) {
        match capability_is_in_bounding_set(capability) {
            Ok(true) => remove_capability_from_bounding_set(capability)?,
            Ok(false) => {}
            // This kernel knows no further capability.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reduces the capabilities: `kept` is permitted, [`KEPT`] effective.
fn give_up(kept: CapabilitySet) -> Result<(), Errno> {
    set_no_new_privs(true)?;
    let now = capabilities(None)?;
    let sets = CapabilitySets {
        effective: now.effective & KEPT,
        permitted: now.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets)
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command, thread};

    use super::*;

    fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
        status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
    }

    /// Root keeps one capability, also in a child process. Another user has none to give up.
    #[test]
    fn one_capability_remains_here_and_in_children() {
        let before = capabilities(None).unwrap().permitted;
        let reduced = thread::spawn(|| {
            reduce().unwrap();
            let own = fs::read_to_string("/proc/thread-self/status").unwrap();
            let child = Command::new("cat").arg("/proc/self/status").output().unwrap();
            [own, String::from_utf8(child.stdout).unwrap()]
        });
        let expected = format!("{:016x}", (before & KEPT).bits());
        for status in reduced.join().unwrap() {
            assert_eq!(field(&status, "CapEff:"), Some(expected.as_str()), "{status}");
            assert_eq!(field(&status, "CapPrm:"), Some(expected.as_str()));
            assert_eq!(field(&status, "CapInh:"), Some("0000000000000000"));
            assert_eq!(field(&status, "NoNewPrivs:"), Some("1"));
        }
    }
}
