//! The process that keeps descriptors. It outlives a daemon that has crashed, or that a signal has ended while it had
//! clients: their sockets stay open until the next daemon has fetched them, or until some time has passed.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::fstat,
    io::retry_on_intr,
    net::{
        SocketFlags, accept_with,
        sockopt::{Timeout, set_socket_timeout},
    },
    stdio::stdin,
    thread::set_name,
};

use super::{
    CLIENT, Named,
    message::{END, LEAVE, REMOVE, STORE, receive, send},
};
use crate::confinement::{self, Account};

/// The name of the socket at which the next daemon fetches the others.
pub(super) const LISTENER: &str = "handover-listener";

/// How long the sockets of clients stay open after a crash. Clients wait for the answers to what they send
/// meanwhile.
const AFTER_CRASH: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// The same after a signal that has ended the daemon, perhaps for good.
const AFTER_SIGNAL: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// How long the next daemon may take to receive one.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// The most descriptors: those of the most clients, and a few of the daemon's.
const CAPACITY: usize = 520;

/// Keeps the descriptors that come on standard input, and offers them to the next daemon when that ends.
pub(super) fn run(account: Option<&Account>) {
    let _ = set_name(c"ipsecd-holder");
    if confinement::confine_holder(account).is_err() {
        return;
    }
    keep(stdin());
}

/// Keeps what comes on a connection to the daemon.
pub(super) fn keep(daemon: impl AsFd) {
    let mut files = Vec::with_capacity(CAPACITY);
    loop {
        remove_closed(&mut files, &daemon);
        match receive(&daemon) {
            Ok(Some((words, _))) if words == END => return,
            Ok(Some((words, _))) if words == LEAVE => return offer(files, &AFTER_SIGNAL),
            Ok(Some((words, file))) => carry_out(&mut files, &words, file),
            // A crash.
            Ok(None) | Err(_) => return offer(files, &AFTER_CRASH),
        }
    }
}

fn carry_out(files: &mut Vec<Named>, words: &str, file: Option<OwnedFd>) {
    if let Some(name) = words.strip_prefix(REMOVE) {
        files.retain(|(known, _)| known != name);
    } else if let (Some(name), Some(file)) = (words.strip_prefix(STORE), file)
        && files.len() < CAPACITY
        && !files.iter().any(|(_, known)| is_same(known, &file))
    {
        files.push((name.to_owned(), file));
    }
}

/// A socket, and a file in memory, is known by its inode.
fn is_same(one: &OwnedFd, other: &OwnedFd) -> bool {
    let [one, other] = [one, other].map(|file| fstat(file).map(|it| (it.st_dev, it.st_ino)));
    one.is_ok() && one == other
}

/// Waits for a message, and meanwhile removes the sockets that clients have closed: the daemon carries out what they
/// have sent.
fn remove_closed(files: &mut Vec<Named>, daemon: &impl AsFd) {
    let is_client = |(name, _): &Named| name == CLIENT;
    loop {
        let clients = files.iter().filter(|it| is_client(it));
        let mut slots = vec![PollFd::new(daemon, PollFlags::IN)];
        slots.extend(clients.map(|(_, socket)| PollFd::new(socket, PollFlags::empty())));
        if retry_on_intr(|| poll(&mut slots, None)).is_err() {
            return;
        }
        let revents: Vec<_> = slots.iter().map(PollFd::revents).collect();
        drop(slots);
        let mut is_closed = revents[1..].iter().map(|it| it.contains(PollFlags::HUP));
        files.retain(|it| !is_client(it) || !is_closed.next().unwrap_or(false));
        if !revents[0].is_empty() {
            return;
        }
    }
}

/// Sends everything to the next daemon, which sees the end of its connection when no socket here listens any more that
/// it would take for another service.
fn offer(mut files: Vec<Named>, patience: &Timespec) {
    let Some(at) = files.iter().position(|(name, _)| name == LISTENER) else { return };
    let (_, listener) = files.swap_remove(at);
    let has_clients = files.iter().any(|(name, _)| name == CLIENT);
    let mut slots = [PollFd::new(&listener, PollFlags::IN)];
    let mut served = None;
    while has_clients
        && served.is_none()
        && retry_on_intr(|| poll(&mut slots, Some(patience))) == Ok(1)
    {
        // One that was started beside the previous daemon is gone by now.
        served = accept_with(&listener, SocketFlags::CLOEXEC)
            .ok()
            .filter(|connection| send_all(connection, &files).is_ok());
    }
    drop((files, listener));
    drop(served);
}

fn send_all(connection: &OwnedFd, files: &[Named]) -> io::Result<()> {
    set_socket_timeout(connection, Timeout::Send, Some(SEND_TIMEOUT))?;
    files.iter().try_for_each(|(name, file)| send(connection, name, Some(file.as_fd())))
}
