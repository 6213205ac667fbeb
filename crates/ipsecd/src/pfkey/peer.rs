use std::{
    fs, io,
    os::{fd::AsFd, unix::fs::MetadataExt},
};

use rustix::{net::sockopt::socket_peercred, process::Pid};

/// `CAP_NET_ADMIN` (linux/capability.h).
const NET_ADMIN: u32 = 12;

/// The process that has connected, if it may administer this network namespace as AF_KEY asks
/// (`pfkey_create`): it must have CAP_NET_ADMIN, and in the user namespace of this service, which
/// has it over the network namespace.
///
/// What counts is the process that connected, when it is looked at.
pub(super) fn admitted(socket: impl AsFd) -> io::Result<Option<Pid>> {
    let pid = socket_peercred(socket)?.pid;
    let process = format!("/proc/{}", pid.as_raw_nonzero());
    let user = |process: &str| fs::metadata(format!("{process}/ns/user")).map(|it| it.ino());
    if user(&process)? != user("/proc/thread-self")? {
        return Ok(None);
    }
    let status = fs::read_to_string(format!("{process}/status"))?;
    Ok((effective(&status) & 1 << NET_ADMIN != 0).then_some(pid))
}

/// The effective capabilities in /proc/PID/status.
fn effective(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_capabilities_are_read() {
        let status = "CapInh:\t0000000000001000\nCapEff:\t0000000000001001\nCapBnd:\t0\n";
        assert_eq!(effective(status), 0x1001);
        assert_eq!(effective("Name:\tcat\n"), 0);
        assert_eq!(effective("CapEff:\tnothing\n"), 0);
    }
}
