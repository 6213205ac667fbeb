//! Signals that end a command between two changes: it reports what is in force, or undoes what it has begun.

use std::{
    fs,
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, read},
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
    low_level::{emulate_default_handler, pipe},
};
use sys::proc_status::ProcStatus;

/// The signals that end a script.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// Whether a second signal ends the process where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// It does: the process may wait for a lock or a resolver.
    EndsAtOnce,
    /// It does not: what was begun is undone first.
    Waits,
}

/// The signals so far.
#[derive(Clone)]
pub struct Signals {
    received: Arc<AtomicUsize>,
    /// Readable after a signal.
    wake: Arc<UnixStream>,
}

impl Signals {
    /// Installs the handlers. A signal that is ignored, as under nohup(1), stays ignored.
    ///
    /// Errors: those of sigaction(2) and socketpair(2).
    pub fn catch(second: Second) -> io::Result<Self> {
        let (wake, write) = UnixStream::pair()?;
        let received = Arc::new(AtomicUsize::new(0));
        let is_second = Arc::new(AtomicBool::new(false));
        let status = ProcStatus::new(fs::read_to_string("/proc/self/status").unwrap_or_default());
        for signal in ENDING.into_iter().filter(|signal| !status.ignores(*signal)) {
            if second == Second::EndsAtOnce {
                flag::register_conditional_default(signal, Arc::clone(&is_second))?;
                flag::register(signal, Arc::clone(&is_second))?;
            }
            flag::register_usize(
                signal,
                Arc::clone(&received),
                usize::try_from(signal).unwrap_or(0),
            )?;
            pipe::register(signal, write.try_clone()?)?;
        }
        Ok(Self { received, wake: Arc::new(wake) })
    }

    /// The last signal.
    #[must_use]
    pub fn received(&self) -> Option<i32> {
        i32::try_from(self.received.load(Ordering::Relaxed)).ok().filter(|signal| *signal != 0)
    }

    /// A descriptor that can be read after a signal.
    #[must_use]
    pub fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// A reader of a file that a signal ends.
    #[must_use]
    pub fn reader(&self, file: OwnedFd) -> impl Read + use<> {
        Interruptible { file, signals: self.clone() }
    }
}

/// Ends the process as this signal would have.
#[must_use]
pub fn end_by(signal: i32) -> io::Error {
    match emulate_default_handler(signal) {
        Ok(()) => io::Error::from(io::ErrorKind::Interrupted),
        Err(error) => error,
    }
}

struct Interruptible {
    file: OwnedFd,
    signals: Signals,
}

impl Interruptible {
    /// Waits until the file can be read. Whether that was before a signal.
    fn wait(&self) -> Result<bool, Errno> {
        let wake: BorrowedFd<'_> = self.signals.wake.as_fd();
        let mut files =
            [PollFd::new(&self.file, PollFlags::IN), PollFd::from_borrowed_fd(wake, PollFlags::IN)];
        poll(&mut files, None)?;
        Ok(files[1].revents().is_empty())
    }
}

impl Read for Interruptible {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.wait() {
                Ok(true) => return Ok(read(&self.file, &mut *buffer)?),
                Ok(false) => return Err(io::Error::other("a signal came")),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
