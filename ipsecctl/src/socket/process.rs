//! Descriptors of other processes.

use std::{fs, io, path::PathBuf};

use rustix::{
    fd::OwnedFd,
    io::Errno,
    process::{ForeignRawFd, Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use super::Descriptor;
use crate::Error;

/// A process, by a pidfd: its number may be given to another process later.
pub struct Process {
    pid: i32,
    handle: OwnedFd,
}

impl Process {
    /// Opens a process.
    pub fn open(pid: i32) -> Result<Self, Errno> {
        let number = Pid::from_raw(pid).ok_or(Errno::SRCH)?;
        Ok(Self { pid, handle: pidfd_open(number, PidfdFlags::empty())? })
    }

    /// All visible processes.
    pub fn all() -> io::Result<impl Iterator<Item = Self>> {
        let numbers = fs::read_dir("/proc")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        Ok(numbers.filter_map(|pid| Self::open(pid).ok()))
    }

    /// The number of the process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The name of the process (`comm`).
    pub fn name(&self) -> String {
        let name = fs::read_to_string(self.file("comm")).unwrap_or_default();
        name.trim_end().to_owned()
    }

    /// The descriptors that are sockets, each with the inode number of the socket; none without the right
    /// to read them.
    pub fn sockets(&self) -> Vec<(i32, u64)> {
        let entries = fs::read_dir(self.file("fd")).into_iter().flatten().flatten();
        let socket = |entry: fs::DirEntry| {
            let target = fs::read_link(entry.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some((entry.file_name().to_str()?.parse().ok()?, inode.parse().ok()?))
        };
        let mut sockets: Vec<_> = entries.filter_map(socket).collect();
        sockets.sort_unstable();
        sockets
    }

    /// A copy of a descriptor (pidfd_getfd(2), Linux 5.6).
    pub fn take(&self, fd: i32) -> Result<OwnedFd, Errno> {
        let fd: ForeignRawFd = fd;
        pidfd_getfd(&self.handle, fd, PidfdGetfdFlags::empty())
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid))
    }
}

/// A copy of a descriptor.
pub fn take(Descriptor { pid, fd }: Descriptor) -> Result<OwnedFd, Error> {
    let process = Process::open(pid).map_err(|errno| match errno {
        Errno::SRCH => Error::NoProcess(pid),
        errno => Error::Descriptor { pid, fd, error: errno.into() },
    })?;
    process.take(fd).map_err(|errno| match errno {
        Errno::BADF => Error::NoDescriptor { pid, fd },
        Errno::PERM => Error::NotYours { pid },
        Errno::SRCH => Error::NoProcess(pid),
        errno => Error::Descriptor { pid, fd, error: errno.into() },
    })
}
