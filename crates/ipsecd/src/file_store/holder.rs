//! The daemon's side of the process that keeps descriptors.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::unlink,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, socketpair,
        sockopt::{Timeout, set_socket_timeout},
    },
};
use sys::run::HANDOVER_SOCKET;
use tracing::warn;

use super::{
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
        sys::process::detach(its, || process::run(account))?;
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

/// Adds to a handover the descriptors that a daemon has left; how many there were.
pub(super) fn fetch(handover: &mut Handover, directory: &Path) -> usize {
    let mut fetch = || {
        let socket = socket_with(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(TIMEOUT))?;
        connect(&socket, &SocketAddrUnix::new(directory.join(HANDOVER_SOCKET))?)?;
        let mut count = 0;
        while let Ok(Some((name, Some(file)))) = receive(&socket) {
            handover.give(name, file);
            count += 1;
        }
        Ok::<_, rustix::io::Errno>(count)
    };
    // There was no daemon, or it had no clients.
    fetch().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::thread::{self, JoinHandle};

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
        [CLIENT, "state"].map(|name| handover.take_all(name).len())
    }

    #[test]
    fn the_next_daemon_gets_what_one_that_crashed_has_stored() {
        let directory = tempfile::tempdir().unwrap();
        let (holder, keeping) = start(&directory);
        let (clients, state) = ([pair(), pair(), pair()], tempfile::tempfile().unwrap());
        for (client, _) in clients.iter().chain(&clients[..1]) {
            holder.store(CLIENT, client).unwrap();
        }
        for _ in 0..2 {
            holder.remove("state").unwrap();
            holder.store("state", &state).unwrap();
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
        holder.store("state", tempfile::tempfile().unwrap()).unwrap();
        drop(holder);
        keeping.join().unwrap();
        assert_eq!(fetched(&directory), [0, 0]);
    }
}
