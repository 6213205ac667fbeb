use std::{fmt, fs};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsFd, OwnedFd},
    io::Errno,
    net::sockopt::socket_peercred,
    process::{Pid, PidfdFlags, pidfd_open},
};

use sys::sockopt::{peer_groups, peer_pidfd};

/// The process that has connected, as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The number of the process.
    pub pid: i32,
    /// The effective user.
    pub uid: u32,
    /// The supplementary groups, and the effective group as the last one.
    pub groups: Vec<u32>,
    /// The cgroup (version 2), if it can be read.
    pub cgroup: Option<String>,
}

impl Peer {
    /// The process at the other end of a Unix socket (unix(7), SO_PEERCRED).
    pub(crate) fn of(socket: &impl AsFd) -> Result<Self, Errno> {
        let credentials = socket_peercred(socket)?;
        let mut groups = peer_groups(socket)?;
        groups.push(credentials.gid.as_raw());
        Ok(Self {
            pid: credentials.pid.as_raw_nonzero().get(),
            uid: credentials.uid.as_raw(),
            groups,
            cgroup: cgroup(socket, credentials.pid),
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}, group {}", self.uid, self.groups.last().copied().unwrap_or_default())?;
        self.cgroup.iter().try_for_each(|cgroup| write!(f, ", cgroup {cgroup}"))
    }
}

/// The cgroup of the process. Before Linux 6.5 the process is found by its number, which another
/// process may have by now.
fn cgroup(socket: &impl AsFd, pid: Pid) -> Option<String> {
    let process = peer_pidfd(socket).or_else(|_| pidfd_open(pid, PidfdFlags::empty())).ok()?;
    let text = fs::read_to_string(format!("/proc/{}/cgroup", pid.as_raw_nonzero())).ok()?;
    // The text is of this process if the process still exists.
    if has_ended(&process) {
        return None;
    }
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

fn has_ended(process: &OwnedFd) -> bool {
    let mut files = [PollFd::new(process, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    !matches!(poll(&mut files, Some(&at_once)), Ok(0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use rustix::process::{getegid, geteuid};

    use super::*;

    #[test]
    fn the_peer_is_the_process_at_the_other_end() {
        let (here, _there) = UnixStream::pair().unwrap();
        let peer = Peer::of(&here).unwrap();
        assert_eq!(peer.uid, geteuid().as_raw());
        assert_eq!(peer.groups.last(), Some(&getegid().as_raw()));
        assert_eq!(peer.pid, i32::try_from(std::process::id()).unwrap());
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned);
        assert_eq!(peer.cgroup, own);
    }
}
