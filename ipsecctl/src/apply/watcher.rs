//! A process that undoes the changes if this one ends before all are made, and confirmed where they have to be, whatever
//! ends it: SIGKILL, a panic, the end of its session. It has a session of its own, and reads both tables before the changes.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use engine::{Engine, EngineOptions, Plan};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal},
};

use crate::Error;

/// The process is ready to undo.
const READY: u8 = b'r';
/// The changes are made, and the time for the confirmation begins.
const CHANGED: u8 = b'c';
/// There is nothing to undo any more.
const DONE: u8 = b'd';
/// For what this process still does when the time has passed, before it is taken for stuck.
const GRACE: Duration = Duration::from_secs(5);

/// The other process, as this one sees it.
pub struct Watcher(UnixStream);

impl Watcher {
    /// Starts the process. It ends when this value is dropped or this process has ended. `time`: how long a confirmation is
    /// awaited after the changes.
    pub fn start(
        options: EngineOptions,
        plan: &Plan,
        time: Option<Duration>,
    ) -> Result<Self, Error> {
        let (mut own, others) = UnixStream::pair().map_err(Error::Watcher)?;
        let parent = getpid();
        let watch = || {
            // The connections of the copied engine are closed, and the kernel is asked with new ones.
            let watched = Watched { parent, time };
            let _ = watched.watch(options, plan);
        };
        sys::process::detach(OwnedFd::from(others), watch).map_err(Error::Watcher)?;
        let mut answer = [0];
        own.read_exact(&mut answer).map_err(Error::Watcher)?;
        Ok(Self(own))
    }

    /// Lets the time for the confirmation begin.
    pub fn begin(&mut self) {
        self.send(CHANGED);
    }

    /// Ends the process: the changes are kept, or undone.
    pub fn end(mut self) {
        self.send(DONE);
    }

    fn send(&mut self, byte: u8) {
        // If it has ended there is none to undo anything.
        let _ = self.0.write_all(&[byte]);
    }
}

/// What the other process knows of the first.
struct Watched {
    parent: Pid,
    /// How long it awaits a confirmation after the changes.
    time: Option<Duration>,
}

impl Watched {
    fn watch(&self, options: EngineOptions, plan: &Plan) -> Result<(), Error> {
        let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let parent = pidfd_open(self.parent, PidfdFlags::empty());
        let mut engine = Engine::open(options)?;
        engine.prepare_undo_of(plan)?;
        socket.write_all(&[READY])?;
        let mut end = None;
        loop {
            if !waits(&socket, end)? {
                // It hangs, as on a terminal that takes no output.
                if let Ok(parent) = &parent {
                    let _ = pidfd_send_signal(parent, Signal::KILL);
                    let _ = poll(&mut [PollFd::new(parent, PollFlags::IN)], None);
                }
                break;
            }
            let mut message = [0];
            match socket.read(&mut message) {
                Ok(1) if message[0] == DONE => return Ok(()),
                Ok(1) => end = self.time.map(|time| Instant::now() + time + GRACE),
                _ => break,
            }
        }
        engine.undo()?;
        Ok(())
    }
}

/// Waits for a message or the end of the other process; false if the time has passed.
fn waits(socket: &UnixStream, end: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut [PollFd::new(socket, PollFlags::IN)], timeout.as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
