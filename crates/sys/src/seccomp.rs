//! Filters of seccomp(2) whose verdicts a process of user space gives (seccomp_unotify(2)).
//!
//! Hand-written because no kept library has the listener: `seccompiler` has no
//! `SECCOMP_RET_USER_NOTIF`, which would end it, and `libseccomp` is a binding to the C library.
#![allow(unsafe_code, reason = "seccomp(2) and its ioctls")]
#![allow(clippy::cast_possible_truncation, reason = "libc's flags are wider than the kernel's")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
};

use libc::{
    c_int, c_long, c_ulong, seccomp_notif, seccomp_notif_addfd, seccomp_notif_resp, sock_filter,
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, retry_on_intr},
    process::Pid,
};

use crate::errno::checked;

/// The descriptor at which the kernel notifies of the system calls that a filter picks out.
#[derive(Debug)]
pub struct NotificationListener(OwnedFd);

/// A system call that waits for a response.
#[derive(Clone, Copy, Debug)]
pub struct Notification {
    id: u64,
    /// The thread that calls. `None`: it is not visible in the PID namespace of the listener's process.
    pub thread: Option<Pid>,
    /// The number of the call, `libc::SYS_*`.
    pub number: c_long,
    /// The arguments of the call: registers.
    pub arguments: [u64; 6],
}

impl NotificationListener {
    /// Installs a filter for this process and all that it starts.
    pub fn install(filter: &[sock_filter]) -> io::Result<Self> {
        let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        // Once it is received, a call is not interrupted by signals: socket(2) never is (Linux 5.19).
        match seccomp(listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, filter) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => seccomp(listener, filter),
            installed => installed,
        }
    }

    /// Waits for a call; false when no process is under the filter any more.
    pub fn wait(&self) -> Result<bool, Errno> {
        let mut descriptors = [PollFd::new(&self.0, PollFlags::IN)];
        retry_on_intr(|| poll(&mut descriptors, None))?;
        Ok(descriptors[0].revents().contains(PollFlags::IN))
    }

    /// Receives the next call (`SECCOMP_IOCTL_NOTIF_RECV`); `None` if its thread was killed.
    pub fn receive(&self) -> Result<Option<Notification>, Errno> {
        // SAFETY: zeroes are a value of the struct, and what the kernel asks for.
        let mut notification: seccomp_notif = unsafe { std::mem::zeroed() };
        match self.ioctl(libc::SECCOMP_IOCTL_NOTIF_RECV, &mut notification) {
            Err(Errno::NOENT | Errno::INTR) => return Ok(None),
            result => result?,
        };
        Ok(Some(Notification {
            id: notification.id,
            thread: Pid::from_raw(notification.pid.cast_signed()),
            number: notification.data.nr.into(),
            arguments: notification.data.args,
        }))
    }

    /// Whether the call still waits (`SECCOMP_IOCTL_NOTIF_ID_VALID`).
    #[must_use]
    pub fn is_valid(&self, call: &Notification) -> bool {
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &mut { call.id }).is_ok()
    }

    /// Copies `file` into the calling process (`SECCOMP_IOCTL_NOTIF_ADDFD`), at this number or at the
    /// lowest that is free, and lets the call return the number.
    pub fn return_descriptor(
        &self,
        call: &Notification,
        file: BorrowedFd<'_>,
        number: Option<u32>,
        closes_on_exec: bool,
    ) -> Result<(), Errno> {
        let mut copy = copy(call, file, number, closes_on_exec);
        let flags = copy.flags;
        copy.flags |= libc::SECCOMP_ADDFD_FLAG_SEND as u32;
        match self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut copy) {
            // Before Linux 5.14 it takes a second step.
            Err(Errno::INVAL) => {
                copy.flags = flags;
                let number = self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut copy)?;
                self.respond(call, number.into(), None, 0)
            }
            result => result.map(drop),
        }
    }

    /// Copies `file` into the calling process at this number, in place of what it has there. The call
    /// waits on.
    pub fn add_descriptor(
        &self,
        call: &Notification,
        file: BorrowedFd<'_>,
        number: u32,
        closes_on_exec: bool,
    ) -> Result<(), Errno> {
        let mut copy = copy(call, file, Some(number), closes_on_exec);
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut copy).map(drop)
    }

    /// Whether the kernel has `SECCOMP_IOCTL_NOTIF_ADDFD` (Linux 5.9).
    #[must_use]
    pub fn can_add_descriptors(&self) -> bool {
        let own = self.0.as_raw_fd().cast_unsigned();
        // No call has this ID.
        let mut copy =
            seccomp_notif_addfd { id: 0, flags: 0, srcfd: own, newfd: 0, newfd_flags: 0 };
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut copy) == Err(Errno::NOENT)
    }

    /// Lets the call return a value.
    pub fn return_value(&self, call: &Notification, value: usize) -> Result<(), Errno> {
        self.respond(call, i64::try_from(value).map_err(|_| Errno::OVERFLOW)?, None, 0)
    }

    /// Lets the call fail.
    pub fn return_errno(&self, call: &Notification, errno: Errno) -> Result<(), Errno> {
        self.respond(call, 0, Some(errno), 0)
    }

    /// Lets the kernel carry out the call (`SECCOMP_USER_NOTIF_FLAG_CONTINUE`). The memory that its
    /// arguments point to may have changed since it was read.
    pub fn resume(&self, call: &Notification) -> Result<(), Errno> {
        self.respond(call, 0, None, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32)
    }

    fn respond(
        &self,
        call: &Notification,
        val: i64,
        errno: Option<Errno>,
        flags: u32,
    ) -> Result<(), Errno> {
        let error = errno.map_or(0, |errno| -errno.raw_os_error());
        let mut response = seccomp_notif_resp { id: call.id, val, error, flags };
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_SEND, &mut response).map(drop)
    }

    fn ioctl<T>(&self, request: libc::Ioctl, argument: &mut T) -> Result<c_int, Errno> {
        // SAFETY: the number of a request has the size of its struct (_IOWR), and each caller here
        // passes the struct that libc made the number from.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), request, ptr::from_mut(argument)) };
        checked(result)
    }
}

impl AsFd for NotificationListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for NotificationListener {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

fn copy(
    call: &Notification,
    file: BorrowedFd<'_>,
    number: Option<u32>,
    closes_on_exec: bool,
) -> seccomp_notif_addfd {
    seccomp_notif_addfd {
        id: call.id,
        flags: if number.is_some() { libc::SECCOMP_ADDFD_FLAG_SETFD as u32 } else { 0 },
        srcfd: file.as_raw_fd().cast_unsigned(),
        newfd: number.unwrap_or(0),
        newfd_flags: if closes_on_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 },
    }
}

fn seccomp(flags: c_ulong, filter: &[sock_filter]) -> io::Result<NotificationListener> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel reads the program, which outlives the call; with this flag the result is
    // a new descriptor, closed on exec.
    unsafe {
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        let result = libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program);
        let descriptor = c_int::try_from(result).unwrap_or(-1);
        Ok(NotificationListener(OwnedFd::from_raw_fd(checked(descriptor)?)))
    }
}
