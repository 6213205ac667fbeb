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

use engine::{Engine, EngineOptions, Lock, Plan};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal},
    stdio::dup2_stderr,
};

use super::ending::{EndReason, Ending};
use crate::Error;

/// The process is ready to undo. Without it, it writes why not.
const READY: u8 = 0;
/// From now on there may be something to undo.
const BEGUN: u8 = b'b';
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
    /// awaited after the changes. It has `lock` until it has ended: no other plan is made of tables that it may change.
    pub fn start(
        options: EngineOptions,
        plan: &Plan,
        time: Option<Duration>,
        lock: Option<&Lock>,
    ) -> Result<Self, Error> {
        let (own, others) = UnixStream::pair().map_err(Error::Watcher)?;
        let errors = io::stderr().as_fd().try_clone_to_owned().map_err(Error::Watcher)?;
        let watched = Watched { parent: getpid(), time, errors };
        let kept: Vec<_> =
            [watched.errors.as_fd()].into_iter().chain(lock.map(AsFd::as_fd)).collect();
        // The connections of the copied engine are closed, and the kernel is asked with new ones.
        let watch = || watched.watch(options, plan);
        sys::process::detach(OwnedFd::from(others), &kept, watch).map_err(Error::Watcher)?;
        Ok(Self(own))
    }

    /// Waits until the process has read the tables, which takes as long as it takes this one.
    pub fn await_ready(&mut self) -> Result<(), Error> {
        let mut answer = [0];
        match self.0.read(&mut answer).map_err(Error::Watcher)? {
            1 if answer == [READY] => Ok(()),
            read => {
                let mut reason = answer[..read].to_vec();
                self.0.read_to_end(&mut reason).map_err(Error::Watcher)?;
                let reason = String::from_utf8_lossy(&reason).into_owned();
                Err(Error::Watcher(io::Error::other(reason)))
            }
        }
    }

    /// Has the process undo the changes, if this one ends from now on.
    pub fn begin(&mut self) {
        self.send(BEGUN);
    }

    /// Lets the time for the confirmation begin.
    pub fn await_confirmation(&mut self) {
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
    /// Its standard error.
    errors: OwnedFd,
}

impl Watched {
    fn watch(&self, options: EngineOptions, plan: &Plan) {
        let Ok(socket) = io::stdin().as_fd().try_clone_to_owned() else { return };
        let mut socket = UnixStream::from(socket);
        let prepared = Engine::open(options).and_then(|mut engine| {
            engine.prepare_undo_of(plan)?;
            Ok(engine)
        });
        let mut engine = match prepared {
            Ok(engine) => engine,
            Err(error) => return drop(socket.write_all(error.to_string().as_bytes())),
        };
        if socket.write_all(&[READY]).is_ok() && self.leaves_changes(&mut socket) {
            let _ = dup2_stderr(&self.errors);
            Ending::undoing(&mut engine, EndReason::Killed).report(plan);
        }
    }

    /// Waits for the end of the first process; whether it has left changes that are to be undone.
    fn leaves_changes(&self, socket: &mut UnixStream) -> bool {
        let parent = pidfd_open(self.parent, PidfdFlags::empty());
        let (mut has_begun, mut end) = (false, None);
        loop {
            if !waits(socket, end).unwrap_or(true) {
                // It hangs, as on a terminal that takes no output.
                if let Ok(parent) = &parent {
                    let _ = pidfd_send_signal(parent, Signal::KILL);
                    let _ = poll(&mut [PollFd::new(parent, PollFlags::IN)], None);
                }
                return true;
            }
            let mut message = [0];
            match (socket.read(&mut message), message[0]) {
                (Ok(1), DONE) => return false,
                (Ok(1), BEGUN) => has_begun = true,
                (Ok(1), _) => end = self.time.map(|time| Instant::now() + time + GRACE),
                _ => return has_begun,
            }
        }
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
