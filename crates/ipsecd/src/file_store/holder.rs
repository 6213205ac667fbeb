//! The daemon's side of the process that keeps descriptors.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{SealFlags, fcntl_get_seals, fstat, unlink},
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, socketpair,
        sockopt::{Timeout, set_socket_timeout},
    },
};
use sys::run::HANDOVER_SOCKET;
use tracing::warn;

use super::{
    CAPACITY, NAMES, STATE,
    message::{END, LEAVE, REMOVE, STORE, receive, send},
    process::{self, LISTENER},
};
use crate::{
    Handover,
    confinement::Account,
    listener::{Listener, Open},
};

/// The name of the connection in a [`Handover`].
const NAME: &str = "holder";

/// A message is a datagram.
const KIND: SocketType = SocketType::SEQPACKET;

/// How long a message may take, which the process at the other end delays.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The most bytes of a state: twice what waits for all clients.
const MOST_STATE: i64 = 256 << 20;

/// How long all messages may take at a start.
const MOST_TIME: Duration = Duration::from_secs(10);

/// The connection to the process.
pub struct Holder {
    connection: OwnedFd,
    /// Where the next daemon fetches descriptors.
    path: PathBuf,
}

impl Holder {
    /// Continues with the process that the program had which has executed this one.
    pub(super) fn inherit(handover: &mut Handover, directory: &Path) -> Option<Self> {
        let connection = handover.take(NAME)?;
        Some(Self { connection, path: directory.join(HANDOVER_SOCKET) })
    }

    /// Starts the process. It runs as the user that the daemon becomes.
    pub(super) fn start(directory: &Path, account: Option<&Account>) -> io::Result<Self> {
        let (holder, its) = Self::connect(directory)?;
        sys::process::detach(its, &[], || process::run(account))?;
        Ok(holder)
    }

    /// Listens for the next daemon. Also gives the process's end of the connection.
    fn connect(directory: &Path) -> io::Result<(Self, OwnedFd)> {
        let path = directory.join(HANDOVER_SOCKET);
        let listener =
            Listener::open(path.clone(), KIND, Open::ToRoot).map_err(io::Error::other)?;
        let (ours, its) = socketpair(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None)?;
        set_socket_timeout(&ours, Timeout::Send, Some(TIMEOUT))?;
        let holder = Self { connection: ours, path };
        holder.store(LISTENER, &listener)?;
        listener.keep_file();
        Ok((holder, its))
    }

    pub(crate) fn store(&self, name: &str, file: impl AsFd) -> io::Result<()> {
        send(&self.connection, &format!("{STORE}{name}"), Some(file.as_fd()))
    }

    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        send(&self.connection, &format!("{REMOVE}{name}"), None)
    }

    pub(super) fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        handover.push(NAME, &self.connection)
    }

    /// The stored descriptors stay for a daemon that is started soon: a signal ends this one.
    pub(crate) fn leave(&self) -> io::Result<()> {
        send(&self.connection, LEAVE, None)
    }

    /// Nothing is kept.
    pub(crate) fn end(&self) {
        if let Err(error) = send(&self.connection, END, None) {
            warn!(%error, "descriptors stay open for a while");
        }
        // The directory may have been cleared.
        let _ = unlink(&self.path);
    }
}

/// Adds to a handover the descriptors that a daemon has left; how many there were. The socket is in a directory of
/// the daemon's user, and this process may be root's: whatever listens there, it is waited for [`MOST_TIME`] at most,
/// and only what a daemon stores is taken.
pub(super) fn fetch(handover: &mut Handover, directory: &Path) -> usize {
    let end = Instant::now() + MOST_TIME;
    let mut count = 0;
    let mut fetch = || {
        let socket = socket_with(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None)?;
        // Also of connect(2), where too many wait.
        set_socket_timeout(&socket, Timeout::Send, Some(TIMEOUT))?;
        connect(&socket, &SocketAddrUnix::new(directory.join(HANDOVER_SOCKET))?)?;
        for _ in 0..CAPACITY {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            set_socket_timeout(&socket, Timeout::Recv, Some(left.min(TIMEOUT)))?;
            let Some((name, Some(file))) = receive(&socket)? else { break };
            if NAMES.contains(&name.as_str()) && (name != STATE || is_small(&file)) {
                handover.give(name, file);
                count += 1;
            }
        }
        Ok::<_, rustix::io::Errno>(())
    };
    // There was no daemon, or it had no clients.
    let _ = fetch();
    count
}

/// Whether a state is in memory, and cannot grow beyond its limit.
fn is_small(state: &OwnedFd) -> bool {
    let cannot_grow = fcntl_get_seals(state).is_ok_and(|seals| seals.contains(SealFlags::GROW));
    cannot_grow && fstat(state).is_ok_and(|it| it.st_size <= MOST_STATE)
}

#[cfg(test)]
mod tests {
    use std::thread::{self, JoinHandle};

    use rustix::{
        fs::{MemfdFlags, fcntl_add_seals, ftruncate, memfd_create},
        net::{SocketAddrUnix, accept, bind, listen},
    };
    use tempfile::TempDir;

    use super::*;
    use crate::file_store::CLIENT;

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None).unwrap()
    }

    /// A daemon's connection to a thread that keeps what it stores.
    fn start(directory: &TempDir) -> (Holder, JoinHandle<()>) {
        // A program that another test starts has copies of all descriptors until it is executed.
        let connect = |_| Holder::connect(directory.path()).ok().or_else(pause);
        let (holder, its) = (0..100).find_map(connect).unwrap();
        (holder, thread::spawn(move || process::keep(&its)))
    }

    fn pause<T>() -> Option<T> {
        thread::sleep(Duration::from_millis(10));
        None
    }

    fn fetched(directory: &TempDir) -> [usize; 2] {
        let mut handover = Handover::default();
        fetch(&mut handover, directory.path());
        [CLIENT, STATE].map(|name| handover.take_all(name).len())
    }

    /// A state of this size, sealed or not.
    fn state(size: u64, is_sealed: bool) -> OwnedFd {
        let file = memfd_create("state", MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&file, size).unwrap();
        if is_sealed {
            fcntl_add_seals(&file, SealFlags::GROW).unwrap();
        }
        file
    }

    /// A program that listens in the place of a process of the daemon's, which may be another's: it serves one
    /// connection.
    fn stranger(
        directory: &TempDir,
        serve: impl FnOnce(OwnedFd) + Send + 'static,
    ) -> JoinHandle<()> {
        let address = SocketAddrUnix::new(directory.path().join(HANDOVER_SOCKET)).unwrap();
        let socket = socket_with(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None).unwrap();
        bind(&socket, &address).unwrap();
        listen(&socket, 1).unwrap();
        thread::spawn(move || serve(accept(&socket).unwrap()))
    }

    #[test]
    fn the_next_daemon_gets_what_one_that_crashed_has_stored() {
        let directory = tempfile::tempdir().unwrap();
        let (holder, keeping) = start(&directory);
        let (clients, state) = ([pair(), pair(), pair()], state(7, true));
        for (client, _) in clients.iter().chain(&clients[..1]) {
            holder.store(CLIENT, client).unwrap();
        }
        for _ in 0..2 {
            holder.remove(STATE).unwrap();
            holder.store(STATE, &state).unwrap();
        }
        let [.., (_, closed)] = clients;
        drop(closed);
        // There is nothing to fetch while the daemon is there.
        assert_eq!(fetched(&directory), [0, 0]);
        drop(holder);
        assert_eq!(fetched(&directory), [2, 1]);
        // At once, the next daemon has a process of its own.
        let (next, kept) = start(&directory);
        next.end();
        keeping.join().unwrap();
        kept.join().unwrap();
        assert_eq!(fetched(&directory), [0, 0]);
    }

    #[test]
    fn the_next_daemon_gets_what_one_that_was_stopped_has_left() {
        let directory = tempfile::tempdir().unwrap();
        let (holder, keeping) = start(&directory);
        let (client, _program) = pair();
        holder.store(CLIENT, client).unwrap();
        holder.leave().unwrap();
        // It need not have ended yet.
        assert_eq!(fetched(&directory), [1, 0]);
        keeping.join().unwrap();
        assert_eq!(fetched(&directory), [0, 0]);
    }

    #[test]
    fn a_daemon_that_ends_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (holder, keeping) = start(&directory);
        let (client, program) = pair();
        holder.store(CLIENT, client).unwrap();
        holder.end();
        keeping.join().unwrap();
        let mut end = [rustix::event::PollFd::new(&program, rustix::event::PollFlags::empty())];
        assert_eq!(rustix::event::poll(&mut end, Some(&rustix::time::Timespec::default())), Ok(1));
        assert!(!directory.path().join(HANDOVER_SOCKET).exists());
    }

    #[test]
    fn without_clients_the_process_ends_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let (holder, keeping) = start(&directory);
        holder.store(STATE, state(7, true)).unwrap();
        drop(holder);
        keeping.join().unwrap();
        assert_eq!(fetched(&directory), [0, 0]);
    }

    #[test]
    fn a_stranger_without_an_end_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let endless = stranger(&directory, |connection| {
            let (client, _program) = pair();
            while send(&connection, CLIENT, Some(client.as_fd())).is_ok() {}
        });
        assert_eq!(fetched(&directory), [CAPACITY, 0]);
        endless.join().unwrap();
    }

    #[test]
    fn a_stranger_that_is_slow_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let slow = stranger(&directory, |connection| {
            let (client, _program) = pair();
            while send(&connection, CLIENT, Some(client.as_fd())).is_ok() {
                thread::sleep(TIMEOUT / 2);
            }
        });
        let begun = Instant::now();
        assert!(fetched(&directory)[0] > 1);
        assert!(begun.elapsed() < MOST_TIME + TIMEOUT, "{:?}", begun.elapsed());
        slow.join().unwrap();
    }

    /// One that is not served is not waited for.
    #[test]
    fn a_stranger_that_accepts_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let silent = stranger(&directory, |connection| {
            let _ = receive(&connection);
        });
        let begun = Instant::now();
        assert_eq!(fetched(&directory), [0, 0]);
        assert!(begun.elapsed() < MOST_TIME);
        silent.join().unwrap();
    }

    #[test]
    fn a_stranger_gives_nothing_but_what_is_stored() {
        let directory = tempfile::tempdir().unwrap();
        let giving = stranger(&directory, |connection| {
            let file: OwnedFd = tempfile::tempfile().unwrap().into();
            for (name, file) in [
                ("metrics", pair().0),
                ("user-namespaces", pair().0),
                (STATE, file),
                (STATE, state(7, false)),
                (STATE, state(257 << 20, true)),
                (STATE, state(7, true)),
                (CLIENT, pair().0),
            ] {
                send(&connection, name, Some(file.as_fd())).unwrap();
            }
        });
        let mut handover = Handover::default();
        assert_eq!(fetch(&mut handover, directory.path()), 2);
        assert!(handover.take("metrics").is_none());
        assert_eq!([CLIENT, STATE].map(|name| handover.take_all(name).len()), [1, 1]);
        giving.join().unwrap();
    }

    /// What connects and receives nothing does not keep the sockets of clients open.
    #[test]
    fn after_a_crash_the_time_is_over_whatever_connects() {
        let directory = tempfile::tempdir().unwrap();
        let (holder, keeping) = start(&directory);
        let (client, _program) = pair();
        holder.store(CLIENT, client).unwrap();
        let begun = Instant::now();
        drop(holder);
        let address = SocketAddrUnix::new(directory.path().join(HANDOVER_SOCKET)).unwrap();
        while !keeping.is_finished() && begun.elapsed() < 2 * MOST_TIME {
            let socket =
                socket_with(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None).unwrap();
            let _ = connect(&socket, &address);
            let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Read);
            thread::sleep(Duration::from_millis(100));
        }
        assert!(keeping.is_finished());
        keeping.join().unwrap();
    }
}
