//! A system call that waits for a response.

pub mod thread;

use libc::c_long;
use rustix::{
    fd::{AsFd, OwnedFd},
    io::Errno,
    net::SocketFlags,
};

use sys::seccomp::{Notification, NotificationListener};

use thread::Thread;

/// A call that waits for a response.
pub struct Call<'listener> {
    listener: &'listener NotificationListener,
    notification: Notification,
}

impl<'listener> Call<'listener> {
    pub(super) fn new(
        listener: &'listener NotificationListener,
        notification: Notification,
    ) -> Self {
        Self { listener, notification }
    }

    /// The number of the call, `libc::SYS_*`.
    pub fn number(&self) -> c_long {
        self.notification.number
    }

    /// An argument, from 0: a pointer, or a length.
    pub fn argument(&self, place: usize) -> u64 {
        self.notification.arguments[place]
    }

    /// An argument of which the kernel takes the low half.
    #[allow(clippy::cast_possible_truncation, reason = "the kernel does the same")]
    pub fn int(&self, place: usize) -> i32 {
        (self.notification.arguments[place] as u32).cast_signed()
    }

    /// The type that socket(2) is called with, and the flags that were given with it.
    pub fn kind_and_flags(&self) -> (u32, SocketFlags) {
        // SOCK_TYPE_MASK, linux/net.h.
        const TYPE: u32 = 0xf;
        let bits = self.int(1).cast_unsigned();
        (bits & TYPE, SocketFlags::from_bits_retain(bits & !TYPE))
    }

    /// The thread that waits.
    ///
    /// Errors: ESRCH if it does not wait any more, or is not visible.
    pub fn thread(&self) -> Result<Thread<'_>, Errno> {
        Thread::waiting_in(self)
    }

    /// Whether the thread has been waiting all the time. What was looked up by its number was about this
    /// thread then, and no other that has got the number since.
    ///
    /// Errors: ESRCH.
    pub fn still_waits(&self) -> Result<(), Errno> {
        if self.listener.is_valid(&self.notification) { Ok(()) } else { Err(Errno::SRCH) }
    }

    /// Puts a copy of `file` at a number that the thread has. The call waits on.
    pub fn add_descriptor(
        &self,
        file: &OwnedFd,
        number: u32,
        closes_on_exec: bool,
    ) -> Result<(), Errno> {
        self.listener.add_descriptor(&self.notification, file.as_fd(), number, closes_on_exec)
    }

    pub(super) fn notification(&self) -> &Notification {
        &self.notification
    }
}
