use std::{
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{Arc, atomic::AtomicBool},
};

use nix::sys::signal::{SigSet, Signal};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2},
    flag,
    low_level::pipe,
};

use crate::Error;

/// The signals that end the daemon.
const ENDING: [i32; 2] = [SIGTERM, SIGINT];

/// The signals that the daemon handles. Each signal makes a descriptor readable.
pub(crate) struct DaemonSignals {
    stop: UnixStream,
    reload: UnixStream,
    execute: UnixStream,
}

/// Blocks the signals that the daemon handles, for this thread and those that it starts: they stay
/// pending.
pub(crate) fn block() -> Result<(), Error> {
    handled().thread_block().map_err(|errno| Error::Signals(errno.into()))
}

/// Unblocks the signals for this thread. Pending ones are delivered now.
pub(crate) fn unblock() -> Result<(), Error> {
    handled().thread_unblock().map_err(|errno| Error::Signals(errno.into()))
}

fn handled() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR2].into_iter().collect()
}

impl DaemonSignals {
    /// Installs the handlers.
    pub(crate) fn catch() -> Result<Self, Error> {
        let catch = || {
            Ok(Self {
                stop: caught(&ENDING)?,
                reload: caught(&[SIGHUP])?,
                execute: caught(&[SIGUSR2])?,
            })
        };
        catch().and_then(|signals| second_ends_at_once().map(|()| signals)).map_err(Error::Signals)
    }

    /// Readable after SIGTERM or SIGINT.
    pub(crate) fn stop(&self) -> BorrowedFd<'_> {
        self.stop.as_fd()
    }

    /// Readable after SIGHUP.
    pub(crate) fn reload(&self) -> BorrowedFd<'_> {
        self.reload.as_fd()
    }

    /// Readable after SIGUSR2.
    pub(crate) fn execute(&self) -> BorrowedFd<'_> {
        self.execute.as_fd()
    }

    /// Whether there was a SIGTERM or SIGINT since the last call.
    pub(crate) fn take_stop(&self) -> bool {
        take(&self.stop)
    }

    /// Whether there was a SIGHUP since the last call.
    pub(crate) fn take_reload(&self) -> bool {
        take(&self.reload)
    }

    /// Whether there was a SIGUSR2 since the last call.
    pub(crate) fn take_execute(&self) -> bool {
        take(&self.execute)
    }
}

fn caught(signals: &[i32]) -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    for signal in signals {
        pipe::register(*signal, write.try_clone()?)?;
    }
    Ok(read)
}

/// Has a second signal end the process at once: the daemon may wait for a lock that a stopped command
/// holds.
fn second_ends_at_once() -> io::Result<()> {
    let is_second = Arc::new(AtomicBool::new(false));
    for signal in ENDING {
        flag::register_conditional_shutdown(signal, 0, Arc::clone(&is_second))?;
        flag::register(signal, Arc::clone(&is_second))?;
    }
    Ok(())
}

fn take(mut stream: &UnixStream) -> bool {
    let mut bytes = [0; 64];
    let mut any = false;
    while stream.read(&mut bytes).is_ok_and(|count| count != 0) {
        any = true;
    }
    any
}
