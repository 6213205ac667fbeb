//! A system call that waits for an answer, as whoever answers sees it.

use libc::c_long;
use rustix::{
    fd::{AsFd, OwnedFd},
    io::Errno,
    net::SocketFlags,
};

use sys::seccomp::{Listener, Notification};

use super::thread::Thread;

/// A call that waits.
pub struct Call<'listener> {
    listener: &'listener Listener,
    asked: Notification,
}

/// What a call gets.
pub enum Answer {
    /// The kernel carries it out.
    Kernel,
    /// It fails.
    Refused(Errno),
    /// It returns a number.
    Returned(usize),
    /// It returns a descriptor.
    Descriptor(Copy),
}

/// A descriptor that a call returns.
pub struct Copy {
    /// Of which it is a copy.
    pub file: OwnedFd,
    /// Whether it closes when the program executes another.
    pub closes_on_exec: bool,
    /// The numbers among which it is to have its own. If none of them is free, and without this, it
    /// gets the lowest that is.
    pub numbers: Option<Numbers>,
}

/// Numbers of descriptors that follow each other.
#[derive(Clone, Copy)]
pub struct Numbers {
    /// The first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl<'listener> Call<'listener> {
    pub(super) fn new(listener: &'listener Listener, asked: Notification) -> Self {
        Self { listener, asked }
    }

    /// The number of the call, `libc::SYS_*`.
    pub fn number(&self) -> c_long {
        self.asked.number
    }

    /// An argument, from 0: a pointer, or a length.
    pub fn argument(&self, place: usize) -> u64 {
        self.asked.arguments[place]
    }

    /// An argument of which the kernel takes the low half.
    #[allow(clippy::cast_possible_truncation, reason = "the kernel does the same")]
    pub fn int(&self, place: usize) -> i32 {
        (self.asked.arguments[place] as u32).cast_signed()
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
    /// Errors: ESRCH if it does not any more, or cannot be seen.
    pub fn thread(&self) -> Result<Thread<'_>, Errno> {
        Thread::waiting_in(self)
    }

    /// Whether the thread has been waiting all the time. What was found out about it by its number
    /// was about nobody else then.
    ///
    /// Errors: ESRCH.
    pub fn still_waits(&self) -> Result<(), Errno> {
        if self.listener.is_valid(&self.asked) { Ok(()) } else { Err(Errno::SRCH) }
    }

    /// Puts a copy of `file` at a number that the thread has. The call waits on.
    pub fn put(&self, file: &OwnedFd, number: u32, closes_on_exec: bool) -> Result<(), Errno> {
        self.listener.add_descriptor(&self.asked, file.as_fd(), number, closes_on_exec)
    }

    pub(super) fn asked(&self) -> &Notification {
        &self.asked
    }
}

/// Files that other threads may open while a number is chosen.
const ROOM: u32 = 64;

impl Numbers {
    /// Those of them that are not less.
    pub fn from(self, least: u32) -> Self {
        let end = self.first.saturating_add(self.count);
        let first = self.first.max(least).min(end);
        Self { first, count: end - first }
    }

    /// The first of them that the thread has not. None as well if few numbers below them are free: the
    /// kernel gives the least one that is, and could give this one to another thread meanwhile.
    pub fn free(self, thread: &Thread<'_>) -> Option<u32> {
        if thread.count_below(self.first)? + ROOM.min(self.first / 2) > self.first {
            return None;
        }
        (self.first..self.first + self.count).find(|number| !thread.has(*number))
    }
}

impl From<pfkey::client::Answer> for Answer {
    /// Without the flags of the call.
    fn from(answer: pfkey::client::Answer) -> Self {
        match answer {
            pfkey::client::Answer::Kernel => Self::Kernel,
            pfkey::client::Answer::Refused(errno) => Self::Refused(errno),
            pfkey::client::Answer::Socket(file) => {
                Self::Descriptor(Copy { file, closes_on_exec: false, numbers: None })
            }
        }
    }
}
