//! Descriptors of other processes.

use std::fs;

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{Dir, readlinkat},
    io::Errno,
    process::{ForeignRawFd, Pid, PidfdGetfdFlags, pidfd_getfd},
};
use sys::pidfd::{self, has_own_proc};

use super::Descriptor;
use crate::Error;

/// A process, by a pidfd: its number may be given to another process later.
pub struct DescriptorOwner {
    pid: i32,
    process: pidfd::Process,
}

impl DescriptorOwner {
    /// Opens a process.
    pub fn open(pid: i32) -> Result<Self, Errno> {
        let number = Pid::from_raw(pid).ok_or(Errno::SRCH)?;
        Ok(Self { pid, process: pidfd::Process::open(number)? })
    }

    /// All visible processes.
    pub fn all() -> Result<impl Iterator<Item = Self>, Error> {
        if !has_own_proc().map_err(Error::Processes)? {
            return Err(Error::ForeignProc);
        }
        let numbers = fs::read_dir("/proc")
            .map_err(Error::Processes)?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        Ok(numbers.filter_map(|pid| Self::open(pid).ok()))
    }

    /// The number of the process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The name of the process (`comm`).
    pub fn name(&self) -> String {
        self.process.read("comm").unwrap_or_default().trim_end().to_owned()
    }

    /// The descriptors that are sockets, each with the inode number of the socket; none without the right
    /// to read them.
    pub fn sockets(&self) -> Vec<(i32, u64)> {
        let mut sockets = self.read_sockets().unwrap_or_default();
        sockets.sort_unstable();
        sockets
    }

    fn read_sockets(&self) -> Result<Vec<(i32, u64)>, Errno> {
        let directory = self.process.open_file("fd")?;
        let entries = Dir::read_from(&directory)?.flatten();
        let sockets = entries.filter_map(|entry| {
            let target = readlinkat(&directory, entry.file_name(), Vec::new()).ok()?;
            let inode = target.to_str().ok()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some((entry.file_name().to_str().ok()?.parse().ok()?, inode.parse().ok()?))
        });
        let sockets = sockets.collect();
        self.process.is_there()?;
        Ok(sockets)
    }

    /// A copy of a descriptor (pidfd_getfd(2), Linux 5.6).
    pub fn take(&self, fd: i32) -> Result<OwnedFd, Errno> {
        let fd: ForeignRawFd = fd;
        pidfd_getfd(self.process.as_fd(), fd, PidfdGetfdFlags::empty())
    }
}

/// A copy of a descriptor.
pub fn take(Descriptor { pid, fd }: Descriptor) -> Result<OwnedFd, Error> {
    let process = DescriptorOwner::open(pid).map_err(|errno| match errno {
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
