//! The confirmation of changes: by Enter on the terminal, or by `ipsecctl confirm` in the same network namespace.

use std::{
    fs,
    io::{self, IsTerminal, Read, Write},
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use cli::{Signals, print_error};
use engine::Namespace;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with,
        sockopt::socket_peercred,
    },
    process::geteuid,
};

use crate::Error;

/// The socket of the process that waits, in the directory of the network namespace.
const SOCKET: &str = "confirm.sock";
/// What a process writes that confirms, and the answer.
const KEEP: &[u8] = b"keep\n";
const KEPT: &[u8] = b"kept\n";
/// How long the other end may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What ends the waiting.
pub enum WaitEnd {
    Confirmed,
    None,
    Signal(i32),
}

/// What a confirmation is awaited on.
pub struct Confirmation {
    time: Duration,
    /// None where there is no place for it: the terminal is enough.
    listener: Option<Listener>,
}

struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have been removed.
        let _ = fs::remove_file(&self.path);
    }
}

/// A time of the command line, `30s` or `5m`; without a unit, in seconds.
pub fn time(text: &str) -> Result<Duration, String> {
    let (digits, seconds) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let number: u32 = digits.parse().map_err(|_| "expected a time such as 30s or 5m".to_owned())?;
    if number == 0 {
        return Err("it would end at once".to_owned());
    }
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

impl Confirmation {
    /// Makes sure, before changes, that they can be confirmed.
    pub fn prepare(namespace: &Namespace, time: Duration) -> Result<Self, Error> {
        let path = namespace.directory().join(SOCKET);
        let made = namespace.make().map_err(Error::Engine).and_then(|()| listen(&path));
        match made {
            Ok(listener) => Ok(Self { time, listener: Some(listener) }),
            Err(Error::File { error, .. }) if error.kind() == io::ErrorKind::AddrInUse => {
                Err(Error::AlreadyWaiting)
            }
            Err(_) if io::stdin().is_terminal() => Ok(Self { time, listener: None }),
            Err(error) => Err(error),
        }
    }

    /// Waits for the confirmation, a signal, or the end of the time.
    pub fn wait(self, signals: &Signals) -> io::Result<WaitEnd> {
        let end = Instant::now() + self.time;
        let stdin = io::stdin();
        let mut reads_terminal = stdin.is_terminal();
        let how = if reads_terminal { "press Enter" } else { "run `ipsecctl confirm`" };
        let seconds = self.time.as_secs();
        print_error("ipsecctl", &format_args!("{how} within {seconds} s to keep the changes"));
        loop {
            if let Some(signal) = signals.received() {
                return Ok(WaitEnd::Signal(signal));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(WaitEnd::None);
            }
            let mut files = vec![PollFd::from_borrowed_fd(signals.wake(), PollFlags::IN)];
            files.extend(self.listener.iter().map(|it| PollFd::new(&it.socket, PollFlags::IN)));
            if reads_terminal {
                files.push(PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN));
            }
            let left = Timespec {
                tv_sec: left.as_secs().cast_signed(),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut files, Some(&left)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let ready: Vec<bool> = files.iter().map(|file| !file.revents().is_empty()).collect();
            drop(files);
            if self.listener.as_ref().is_some_and(|it| ready[1] && it.is_confirmed()) {
                return Ok(WaitEnd::Confirmed);
            }
            if reads_terminal && ready.last() == Some(&true) {
                let mut line = String::new();
                match stdin.read_line(&mut line)? {
                    // The terminal has gone: SIGHUP follows, or the time ends.
                    0 => reads_terminal = false,
                    _ => return Ok(WaitEnd::Confirmed),
                }
            }
        }
    }
}

/// Connects to a socket in a directory of the daemon's user, whose queue may be full: it is not waited for.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket.into())
}

fn listen(path: &Path) -> Result<Listener, Error> {
    let failed = |error| Error::File { path: path.to_owned(), error };
    match connect(path) {
        // Others wait to be served there.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => {}
        _ => return Err(failed(io::ErrorKind::AddrInUse.into())),
    }
    // It is that of a process that was killed.
    let _ = fs::remove_file(path);
    let socket = UnixListener::bind(path).map_err(failed)?;
    let listener = Listener { socket, path: path.to_owned() };
    // The directory is the daemon's user's, who may have put a link there.
    sys::owner::set_mode(path, 0o600).map_err(failed)?;
    listener.socket.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

impl Listener {
    /// Whether a process of this user or of root has connected, and confirms.
    fn is_confirmed(&self) -> bool {
        let Ok((mut peer, _)) = self.socket.accept() else { return false };
        let is_permitted =
            socket_peercred(&peer).is_ok_and(|peer| peer.uid.is_root() || peer.uid == geteuid());
        let mut request = [0; KEEP.len()];
        let is_confirmed = is_permitted
            && peer.set_read_timeout(Some(PATIENCE)).is_ok()
            && peer.read_exact(&mut request).is_ok()
            && request == KEEP;
        if is_confirmed {
            // The peer may have gone: it has confirmed all the same.
            let _ = peer.write_all(KEPT);
        }
        is_confirmed
    }
}

/// `ipsecctl confirm`: keeps the changes of the `apply` that waits in this network namespace.
pub fn confirm() -> Result<ExitCode, Error> {
    let path = Namespace::current().directory().join(SOCKET);
    let mut answer = [0; KEPT.len()];
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Error::NoneWaiting,
        _ => Error::File { path: path.clone(), error },
    };
    let mut socket = connect(&path).map_err(failed)?;
    socket.set_nonblocking(false).map_err(failed)?;
    socket.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    socket.write_all(KEEP).map_err(failed)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let is_answered = match socket.read_exact(&mut answer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        result => result.map(|()| true).map_err(failed)?,
    };
    // One that has ended meanwhile has undone the changes.
    if is_answered && answer == KEPT { Ok(ExitCode::SUCCESS) } else { Err(Error::NoneWaiting) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The daemon's user can leave a socket in its directory that accepts nothing.
    #[test]
    fn a_socket_whose_queue_is_full_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(SOCKET);
        let full = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&full, 0).unwrap();
        let queued: Vec<_> = std::iter::from_fn(|| connect(&path).ok()).take(100).collect();
        assert!(queued.len() < 100, "it is full");
        let begun = Instant::now();
        assert!(
            matches!(listen(&path), Err(Error::File { error, .. }) if error.kind() == io::ErrorKind::AddrInUse)
        );
        assert!(begun.elapsed() < PATIENCE);
    }

    #[test]
    fn a_time_has_a_unit() {
        for (text, seconds) in [("30s", 30), ("30", 30), ("5m", 300)] {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)));
        }
        for wrong in ["", "s", "0s", "-1s", "5h", "1.5m"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
