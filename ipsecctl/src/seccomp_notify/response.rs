//! The responses to system calls.

use rustix::{fd::OwnedFd, io::Errno};

use super::call::thread::Thread;

/// The response to a call.
pub enum Response {
    /// The kernel carries out the call.
    Continue,
    /// The call fails.
    Errno(Errno),
    /// The call returns a number.
    Value(usize),
    /// The call returns a descriptor.
    Descriptor(NewDescriptor),
}

/// A descriptor that a call returns.
pub struct NewDescriptor {
    /// The file that is copied.
    pub file: OwnedFd,
    /// Whether it is closed when the program executes another.
    pub closes_on_exec: bool,
    /// The numbers of which it gets one. If none of them is free, and without this, it gets the lowest
    /// number that is.
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

/// Files that other threads may open while a number is chosen.
const ROOM: u32 = 64;

impl Numbers {
    /// The numbers that are not less than `least`.
    pub fn from(self, least: u32) -> Self {
        let end = self.first.saturating_add(self.count);
        let first = self.first.max(least).min(end);
        Self { first, count: end - first }
    }

    /// The first number that the thread does not use. `None` as well if few numbers below it are free:
    /// the kernel gives the lowest free one, and could give this one to another thread meanwhile.
    pub fn free(self, thread: &Thread<'_>) -> Option<u32> {
        if thread.count_below(self.first)? + ROOM.min(self.first / 2) > self.first {
            return None;
        }
        (self.first..self.first + self.count).find(|number| !thread.has(*number))
    }
}

impl From<pfkey::client::SocketResult> for Response {
    /// Without the flags of the call.
    fn from(answer: pfkey::client::SocketResult) -> Self {
        match answer {
            pfkey::client::SocketResult::Kernel => Self::Continue,
            pfkey::client::SocketResult::Refused(errno) => Self::Errno(errno),
            pfkey::client::SocketResult::Socket(file) => {
                Self::Descriptor(NewDescriptor { file, closes_on_exec: false, numbers: None })
            }
        }
    }
}
