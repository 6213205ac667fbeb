//! Processes by pidfd. A number may be given to another process once the first has ended, so what is
//! read from /proc by number counts only if the pidfd still has that number afterwards.
//!
//! The number comes from the pidfd's fdinfo: it is the one of the PID namespace of this /proc, whatever
//! that is. The ioctls of pidfds (`PIDFD_GET_USER_NAMESPACE`, Linux 6.11) replace nothing here: they
//! make the check of /proc/PID/ns (`ptrace_may_access`), and none of them returns capabilities.

use std::{
    fs::{self, File},
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, Stat, open, openat, statat},
    io::Errno,
    process::{Pid, PidfdFlags, getpid, pidfd_open},
};

use crate::{bounded, sockopt::peer_pidfd};

/// The most bytes that are read of a file of /proc; a status with 65,536 groups has 720 KB.
const MOST: u64 = 1 << 20;

/// A process, and its directory in /proc, which never becomes that of another process.
#[derive(Debug)]
pub struct Process {
    pidfd: OwnedFd,
    /// In the PID namespace of /proc.
    number: i32,
    directory: OwnedFd,
}

impl Process {
    /// The process with a number in the PID namespace of this process.
    ///
    /// Errors: ESRCH if there is none, or if this /proc does not have it.
    pub fn open(number: Pid) -> Result<Self, Errno> {
        Self::of_pidfd(pidfd_open(number, PidfdFlags::empty())?)
    }

    /// The process that has connected a Unix socket, or listens at its other end. `number` is that of
    /// [`crate::sockopt::peer_credentials`]. Before Linux 6.5 it is looked up by this number, which
    /// another process may have by now.
    ///
    /// Errors: ESRCH, EINVAL if it has ended.
    pub fn of_peer(socket: impl AsFd, number: Pid) -> Result<Self, Errno> {
        match peer_pidfd(socket) {
            Ok(pidfd) => Self::of_pidfd(pidfd),
            Err(Errno::NOPROTOOPT) => Self::open(number),
            // Before Linux 6.16 there is no pidfd of a process that has ended.
            Err(errno) => Err(errno),
        }
    }

    fn of_pidfd(pidfd: OwnedFd) -> Result<Self, Errno> {
        let number = number(pidfd.as_fd())?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(format!("/proc/{number}"), flags, Mode::empty()).map_err(ended)?;
        let process = Self { pidfd, number, directory };
        process.is_there()?;
        Ok(process)
    }

    /// The number of the process in the PID namespace of /proc. Another process has it once
    /// [`Process::is_there`] fails.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.number
    }

    /// Whether the process has its number: until its parent has waited for it.
    ///
    /// Errors: ESRCH.
    pub fn is_there(&self) -> Result<(), Errno> {
        if number(self.pidfd.as_fd())? == self.number { Ok(()) } else { Err(Errno::SRCH) }
    }

    /// Reads a file of its directory.
    ///
    /// Errors: ESRCH; those of open(2) and read(2).
    pub fn read(&self, name: &str) -> Result<String, Errno> {
        let read = bounded::read(File::from(self.open_file(name)?), MOST);
        let text = read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        self.is_there()?;
        String::from_utf8(text).map_err(|_| Errno::IO)
    }

    /// Opens a file of its directory, such as `ns/net`.
    ///
    /// Errors: ESRCH; EACCES without the right to read it (ptrace(2), PTRACE_MODE_READ_FSCREDS).
    pub fn open_file(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = openat(&self.directory, name, flags, Mode::empty()).map_err(ended)?;
        self.is_there()?;
        Ok(file)
    }

    /// What a name of its directory leads to.
    ///
    /// Errors: as [`Process::open_file`].
    pub fn stat(&self, name: &str) -> Result<Stat, Errno> {
        let stat = statat(&self.directory, name, AtFlags::empty()).map_err(ended)?;
        self.is_there()?;
        Ok(stat)
    }
}

impl AsFd for Process {
    /// The pidfd.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Whether /proc is that of the PID namespace of this process, so that it has the numbers which the
/// kernel returns to this process.
///
/// Errors: those of readlink(2).
pub fn has_own_proc() -> io::Result<bool> {
    let own = getpid().as_raw_nonzero().to_string();
    match fs::read_link("/proc/self") {
        // This process is neither in the PID namespace of /proc nor below it.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && Path::new("/proc/meminfo").exists() =>
        {
            Ok(false)
        }
        link => Ok(link?.as_os_str() == own.as_str()),
    }
}

/// The number of a process in the PID namespace of /proc (`pidfd_show_fdinfo`, kernel/fork.c).
///
/// Errors: ESRCH if it has ended (-1), and if it is not of this namespace nor of one below (0).
fn number(pidfd: BorrowedFd<'_>) -> Result<i32, Errno> {
    let path = format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd());
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let number = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
    number.filter(|number| *number > 0).ok_or(Errno::SRCH)
}

/// A file of a process that has ended is not there.
fn ended(errno: Errno) -> Errno {
    if errno == Errno::NOENT { Errno::SRCH } else { errno }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::proc_status::ProcStatus;

    #[test]
    fn this_process_is_there() {
        let process = Process::open(getpid()).unwrap();
        let status = ProcStatus::new(process.read("status").unwrap());
        assert_eq!(status.process(), Some(getpid().as_raw_nonzero().get()));
        let own = rustix::fs::stat("/proc/self/ns/user").unwrap().st_ino;
        assert_eq!(process.stat("ns/user").unwrap().st_ino, own);
        assert!(has_own_proc().unwrap());
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert_eq!(Process::of_peer(&ours, getpid()).unwrap().number, process.number);
    }
}
