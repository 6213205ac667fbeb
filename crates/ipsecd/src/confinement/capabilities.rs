use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
        set_keep_capabilities, set_no_new_privs,
    },
};

use super::Account;

/// Becomes another user, if there is one to become, and gives up all capabilities but `kept`, for this
/// thread and those that it starts from now on. A program that it executes gets the same.
pub(super) fn reduce(kept: CapabilitySet, account: Option<&Account>) -> Result<(), Errno> {
    set_no_new_privs(true)?;
    bound(kept)?;
    if let Some(account) = account {
        // Otherwise the change of the user clears the permitted set.
        set_keep_capabilities(true)?;
        account.switch()?;
    }
    let now = capabilities(None)?;
    let kept = now.permitted & kept;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: kept };
    // A service manager that has started it so may not allow the call.
    if now != sets {
        set_capabilities(None, sets)?;
    }
    // Under a user other than root, execve(2) keeps ambient capabilities alone.
    kept.iter().try_for_each(|capability| configure_capability_in_ambient_set(capability, true))
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

#[cfg(test)]
mod tests {
    use std::{fs, process::Command, thread};

    use super::*;

    const KEPT: CapabilitySet = CapabilitySet::NET_ADMIN;

    fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
        status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
    }

    /// Root keeps one capability, also in a child process. Another user has none to give up.
    #[test]
    fn one_capability_remains_here_and_in_children() {
        let before = capabilities(None).unwrap().permitted;
        let reduced = thread::spawn(|| {
            reduce(KEPT, None).unwrap();
            let own = fs::read_to_string("/proc/thread-self/status").unwrap();
            let child = Command::new("cat").arg("/proc/self/status").output().unwrap();
            [own, String::from_utf8(child.stdout).unwrap()]
        });
        let expected = format!("{:016x}", (before & KEPT).bits());
        for status in reduced.join().unwrap() {
            for name in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
                assert_eq!(field(&status, name), Some(expected.as_str()), "{name} in {status}");
            }
            assert_eq!(field(&status, "NoNewPrivs:"), Some("1"));
        }
    }
}
