//! The system calls that have no safe wrapper.
#![allow(unsafe_code, reason = "seccomp(2), its ioctls, fork(2) and namespaces' ioctls")]
#![allow(clippy::cast_possible_truncation, reason = "registers hold ints; libc's flags are wide")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use libc::{
    c_int, c_long, c_ulong, seccomp_notif, seccomp_notif_addfd, seccomp_notif_resp, sock_filter,
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, retry_on_intr},
    process::{Pid, WaitOptions, setsid, waitpid},
};

/// Where the kernel asks about the calls that a filter picks out.
pub struct Listener(OwnedFd);

/// A call that waits for an answer.
#[derive(Clone, Copy)]
pub struct Notification {
    id: u64,
    /// `None`: it is not to be seen from the supervisor's PID namespace.
    pub thread: Option<Pid>,
    /// The number of the call, `libc::SYS_*`.
    pub number: c_long,
    /// Its arguments: registers.
    pub arguments: [u64; 6],
}

impl Listener {
    /// Installs a filter for this process and all that it starts.
    pub fn install(filter: &[sock_filter]) -> io::Result<Self> {
        let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        // Once asked about, a call is not interrupted by signals: socket(2) never is (Linux 5.19).
        match seccomp(listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, filter) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => seccomp(listener, filter),
            installed => installed,
        }
    }

    /// Waits for a call; false when no process is under the filter any more.
    pub fn is_in_use(&self) -> Result<bool, Errno> {
        let mut descriptors = [PollFd::new(&self.0, PollFlags::IN)];
        retry_on_intr(|| poll(&mut descriptors, None))?;
        Ok(descriptors[0].revents().contains(PollFlags::IN))
    }

    /// The next call, or `None` if its caller is gone.
    pub fn receive(&self) -> Result<Option<Notification>, Errno> {
        // SAFETY: zeroes are a value of the struct, and what the kernel asks for.
        let mut asked: seccomp_notif = unsafe { std::mem::zeroed() };
        match self.ioctl(libc::SECCOMP_IOCTL_NOTIF_RECV, &mut asked) {
            Err(Errno::NOENT | Errno::INTR) => return Ok(None),
            result => result?,
        };
        Ok(Some(Notification {
            id: asked.id,
            thread: Pid::from_raw(asked.pid.cast_signed()),
            number: asked.data.nr.into(),
            arguments: asked.data.args,
        }))
    }

    /// Whether the caller is still there, waiting.
    pub fn is_waiting(&self, call: &Notification) -> bool {
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &mut { call.id }).is_ok()
    }

    /// Lets the call return a copy of `file`, with this number or with the lowest that is free.
    pub fn hand_in(
        &self,
        call: &Notification,
        file: BorrowedFd<'_>,
        number: Option<u32>,
        closes_on_exec: bool,
    ) -> Result<(), Errno> {
        let mut copy = copy(call, file, number, closes_on_exec);
        let set = copy.flags;
        copy.flags |= libc::SECCOMP_ADDFD_FLAG_SEND as u32;
        match self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut copy) {
            // Before Linux 5.14 it takes a second step.
            Err(Errno::INVAL) => {
                copy.flags = set;
                let number = self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut copy)?;
                self.respond(call, number.into(), None, 0)
            }
            result => result.map(drop),
        }
    }

    /// Puts a copy of `file` at a number of the caller's, whatever it has there. The call waits on.
    pub fn put(
        &self,
        call: &Notification,
        file: BorrowedFd<'_>,
        number: u32,
        closes_on_exec: bool,
    ) -> Result<(), Errno> {
        let mut copy = copy(call, file, Some(number), closes_on_exec);
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut copy).map(drop)
    }

    /// Whether the kernel can hand in a descriptor (Linux 5.9): no call has this ID.
    pub fn can_hand_in(&self) -> bool {
        let own = self.0.as_raw_fd().cast_unsigned();
        let mut copy =
            seccomp_notif_addfd { id: 0, flags: 0, srcfd: own, newfd: 0, newfd_flags: 0 };
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut copy) == Err(Errno::NOENT)
    }

    /// Lets the call return a number.
    pub fn return_from(&self, call: &Notification, value: usize) -> Result<(), Errno> {
        self.respond(call, i64::try_from(value).map_err(|_| Errno::OVERFLOW)?, None, 0)
    }

    /// Lets the call fail.
    pub fn refuse(&self, call: &Notification, errno: Errno) -> Result<(), Errno> {
        self.respond(call, 0, Some(errno), 0)
    }

    /// Lets the kernel carry out the call. What the arguments point to may be other than it was.
    pub fn go_on(&self, call: &Notification) -> Result<(), Errno> {
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

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Listener {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

/// A copy of `file` for the caller, with this number or with the lowest that is free.
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

fn seccomp(flags: c_ulong, filter: &[sock_filter]) -> io::Result<Listener> {
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
        Ok(Listener(OwnedFd::from_raw_fd(checked(descriptor)?)))
    }
}

/// Runs `work` in a process of a session of its own, which is not a child of this one: a program
/// that waits for its children would be surprised.
pub fn detach<E>(work: impl FnOnce() -> Result<(), E>) -> io::Result<()> {
    let Some(child) = fork()? else {
        let _ = setsid();
        if let Ok(None) = fork() {
            // A panic must not end up in the caller, who is somebody else in this process.
            let _ = catch_unwind(AssertUnwindSafe(work));
        }
        end()
    };
    match retry_on_intr(|| waitpid(Some(child), WaitOptions::empty())) {
        // The parent was started with SIGCHLD ignored.
        Ok(_) | Err(Errno::CHILD) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Ends this process with all its threads. Buffers of the parent's are not written twice.
pub fn end() -> ! {
    // SAFETY: _exit(2) takes no memory.
    unsafe { libc::_exit(0) }
}

/// `None` in the child.
fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: there is one thread, so the child may do all that the parent may.
    Ok(Pid::from_raw(checked(unsafe { libc::fork() })?))
}

/// Closes every descriptor but those of standard input, output and error.
pub fn close_all_but_standard() {
    // SAFETY: takes no memory. The supervisor owns no descriptor that it goes on to use.
    unsafe { libc::close_range(3, u32::MAX, 0) };
}

/// Ignores SIGHUP, SIGINT, SIGQUIT and SIGTERM.
pub fn ignore_requests_to_end() {
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
        // SAFETY: there is no handler to be run.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// The user namespace that a namespace belongs to, if it is one of ours or below (ioctl_ns(2)).
pub fn owner(namespace: &OwnedFd) -> Option<OwnedFd> {
    related(namespace, libc::NS_GET_USERNS)
}

/// The user namespace above another, if it is one of ours or below (ioctl_ns(2)).
pub fn parent(user_ns: &OwnedFd) -> Option<OwnedFd> {
    related(user_ns, libc::NS_GET_PARENT)
}

fn related(namespace: &OwnedFd, request: libc::Ioctl) -> Option<OwnedFd> {
    // SAFETY: both requests take no argument and return a new descriptor, closed on exec.
    unsafe {
        let descriptor = libc::ioctl(namespace.as_raw_fd(), request);
        checked(descriptor).ok().map(|descriptor| OwnedFd::from_raw_fd(descriptor))
    }
}

/// The result of a system call of the C library, with errno if it is -1.
fn checked(result: c_int) -> Result<c_int, Errno> {
    if result == -1 {
        return Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    Ok(result)
}
