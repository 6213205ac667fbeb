//! What the daemon may do once it has opened what it needs: nothing but CAP_NET_ADMIN.
//!
//! The files under `/run/xfrm-tools` are root's own, so no other capability opens them. A program
//! that a daemon of user 0 runs gets what the bounding set holds, also under `no_new_privs`, which
//! keeps it to what the daemon has.

use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
    },
};

use crate::error::Error;

/// What the kernel asks of those who change the SAD and SPD.
const KEPT: CapabilitySet = CapabilitySet::NET_ADMIN;

/// Gives up the rest, for this thread and those that it starts from now on.
pub fn reduce() -> Result<(), Error> {
    bound().and_then(|()| give_up()).map_err(Error::Privileges)
}

/// A thread without CAP_SETPCAP has had its bounding set chosen by somebody else: it stays.
fn bound() -> Result<(), Errno> {
    if !capabilities(None)?.effective.contains(CapabilitySet::SETPCAP) {
        return Ok(());
    }
    let every = (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit));
    for capability in every.filter(|capability| *capability != KEPT) {
        match capability_is_in_bounding_set(capability) {
            Ok(true) => remove_capability_from_bounding_set(capability)?,
            Ok(false) => {}
            // Beyond the last one that this kernel knows.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn give_up() -> Result<(), Errno> {
    set_no_new_privs(true)?;
    let now = capabilities(None)?;
    let sets = CapabilitySets {
        effective: now.effective & KEPT,
        permitted: now.permitted & KEPT,
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

    /// Run by root it keeps one capability, and so does a program that it runs; run by another user
    /// it has none to give up.
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
