//! The thread that waits in a call: what it has, by handles that cannot come to mean another.
//!
//! A number of a thread is given to another once the first is gone. So its directory in /proc and
//! its pidfd are opened first, and then the kernel is asked whether the call still waits: if it does,
//! both are the caller's, and stay so.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{AtFlags, Dir, Mode, OFlags, Stat, open, openat, statat},
    io::Errno,
    path::Arg,
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use sys::proc_status::ProcStatus;

use super::Call;
use crate::seccomp_notify::memory::Memory;

/// A thread that waits, or has waited.
pub struct Thread<'call> {
    call: &'call Call<'call>,
    number: Pid,
    /// /proc/NUMBER.
    directory: OwnedFd,
}

impl<'call> Thread<'call> {
    pub(super) fn waiting_in(call: &'call Call<'call>) -> Result<Self, Errno> {
        let number = call.notification().thread.ok_or(Errno::SRCH)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = format!("/proc/{}", number.as_raw_nonzero());
        let directory = open(path, flags, Mode::empty())?;
        call.still_waits()?;
        Ok(Self { call, number, directory })
    }

    /// Opens a file of its directory in /proc.
    pub fn open(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        openat(&self.directory, name, flags | OFlags::CLOEXEC, Mode::empty())
    }

    /// Looks at what a name of its directory in /proc leads to.
    pub fn stat(&self, name: impl Arg) -> Result<Stat, Errno> {
        statat(&self.directory, name, AtFlags::empty())
    }

    /// The file `status` (proc_pid_status(5)).
    pub fn status(&self) -> Result<ProcStatus, Errno> {
        let file = File::from(self.open("status", OFlags::RDONLY)?);
        std::io::read_to_string(file).map(ProcStatus::new).map_err(|_| Errno::SRCH)
    }

    /// Its memory. Errors: EPERM, EACCES without the right to trace it (ptrace(2)).
    pub fn memory(&self) -> Result<Memory, Errno> {
        self.open("mem", OFlags::RDWR).map(Memory::from)
    }

    /// Whether it has a descriptor of this number.
    pub fn has(&self, number: u32) -> bool {
        let name = format!("fd/{number}");
        !matches!(statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT))
    }

    /// How many descriptors it has of lesser numbers. None: that is not to be seen.
    pub fn count_below(&self, number: u32) -> Option<u32> {
        let directory = self.open("fd", OFlags::RDONLY | OFlags::DIRECTORY).ok()?;
        let entries = Dir::read_from(directory).ok()?.filter_map(Result::ok);
        let numbers = entries.filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok());
        u32::try_from(numbers.filter(|it: &u32| *it < number).count()).ok()
    }

    /// Whether one of its descriptors closes when it executes another program
    /// (proc_pid_fdinfo(5)).
    pub fn closes_on_exec(&self, number: u32) -> bool {
        let file = self.open(&format!("fdinfo/{number}"), OFlags::RDONLY).map(File::from);
        // What follows the flags may be long.
        let lines = file.map(|file| BufReader::new(file).lines().map_while(Result::ok));
        let flags = lines
            .into_iter()
            .flatten()
            .find_map(|line| u32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
        flags.is_some_and(|flags| flags & OFlags::CLOEXEC.bits() != 0)
    }

    /// A copy of one of its descriptors. Errors: EBADF, and EPERM without the right to trace it.
    pub fn descriptor(&self, number: i32) -> Result<OwnedFd, Errno> {
        // rustix panics on it.
        if number < 0 {
            return Err(Errno::BADF);
        }
        let process = self.pidfd()?;
        self.call.still_waits()?;
        pidfd_getfd(process.as_fd(), number, PidfdGetfdFlags::empty())
    }

    fn pidfd(&self) -> Result<OwnedFd, Errno> {
        // PIDFD_THREAD (linux/pidfd.h), Linux 6.9.
        let thread = PidfdFlags::from_bits_retain(OFlags::EXCL.bits());
        match pidfd_open(self.number, thread) {
            // Threads share their descriptors, but for those that have called unshare(2).
            Err(Errno::INVAL) => pidfd_open(self.process()?, PidfdFlags::empty()),
            result => result,
        }
    }

    /// The process that it is of.
    fn process(&self) -> Result<Pid, Errno> {
        self.status()?.process().and_then(Pid::from_raw).ok_or(Errno::SRCH)
    }
}
