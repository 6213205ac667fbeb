use std::fmt;

use rustix::{fd::AsFd, io::Errno, process::Pid};
use sys::{
    pidfd::Process,
    sockopt::{peer_credentials, peer_groups},
};

/// The process that has connected, as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The number of the process; 0 for one of another PID namespace.
    pub pid: i32,
    /// The effective user.
    pub uid: u32,
    /// The supplementary groups, and the effective group as the last one.
    pub groups: Vec<u32>,
    /// The cgroup (version 2), if it was looked up and can be read.
    pub cgroup: Option<String>,
}

impl Peer {
    /// The process at the other end of a Unix socket (unix(7), SO_PEERCRED), without its cgroup.
    pub(crate) fn of(socket: &impl AsFd) -> Result<Self, Errno> {
        let credentials = peer_credentials(socket)?;
        let mut groups = peer_groups(socket)?;
        groups.push(credentials.gid);
        let pid = credentials.pid.map_or(0, |pid| pid.as_raw_nonzero().get());
        Ok(Self { pid, uid: credentials.uid, groups, cgroup: None })
    }

    /// Looks up the cgroup. The process is that of the connection.
    pub(crate) fn look_up_cgroup(&mut self, socket: &impl AsFd) {
        self.cgroup = Pid::from_raw(self.pid).and_then(|pid| cgroup(socket, pid));
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}, group {}", self.uid, self.groups.last().copied().unwrap_or_default())?;
        if self.pid == 0 {
            f.write_str(", process of another PID namespace")?;
        }
        self.cgroup.iter().try_for_each(|cgroup| write!(f, ", cgroup {cgroup}"))
    }
}

fn cgroup(socket: &impl AsFd, pid: Pid) -> Option<String> {
    let text = Process::of_peer(socket, pid).ok()?.read("cgroup").ok()?;
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::net::UnixStream};

    use rustix::process::{getegid, geteuid};

    use super::*;

    #[test]
    fn the_peer_is_the_process_at_the_other_end() {
        let (here, _there) = UnixStream::pair().unwrap();
        let mut peer = Peer::of(&here).unwrap();
        peer.look_up_cgroup(&here);
        assert_eq!(peer.uid, geteuid().as_raw());
        assert_eq!(peer.groups.last(), Some(&getegid().as_raw()));
        assert_eq!(peer.pid, i32::try_from(std::process::id()).unwrap());
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned);
        assert_eq!(peer.cgroup, own);
    }
}
