//! The process that keeps descriptors. It outlives a daemon that has crashed, or that a signal has ended while it had
//! clients: their sockets stay open until the next daemon has fetched them, or until some time has passed.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::fstat,
    io::{Errno, retry_on_intr},
    net::{
        SocketFlags, accept_with,
        sockopt::{Timeout, set_socket_timeout},
    },
    stdio::stdin,
    thread::set_name,
};

use super::{
    CAPACITY, CLIENT, STATE,
    message::{END, LEAVE, REMOVE, STORE, receive, send},
};
use crate::confinement::{self, Account};

/// The name of the socket at which the next daemon fetches the others.
pub(super) const LISTENER: &str = "handover-listener";

/// How long the sockets of clients stay open after a crash, whatever connects, and [`TRANSFER`] for what has connected
/// by then. Clients wait for the answers to what they
/// send meanwhile.
const AFTER_CRASH: Duration = Duration::from_secs(10);

/// The same after a signal that has ended the daemon, perhaps for good.
const AFTER_SIGNAL: Duration = Duration::from_secs(5);

/// How long the next daemon may take to receive all, also one that connects at the end of that time.
const TRANSFER: Duration = Duration::from_secs(5);

/// How long it may take to receive one.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// A descriptor that is kept.
struct Kept {
    name: String,
    file: OwnedFd,
    /// The device and inode of a socket, or of a file in memory, by which it is known. Read once: a daemon sends many
    /// descriptors, and waits while there is no room for them.
    identity: Option<(u64, u64)>,
}

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
            Ok(Some((words, _))) if words == LEAVE => return offer(files, AFTER_SIGNAL),
            Ok(Some((words, file))) => carry_out(&mut files, &words, file),
            // A crash.
            Ok(None) | Err(_) => return offer(files, AFTER_CRASH),
        }
    }
}

fn carry_out(files: &mut Vec<Kept>, words: &str, file: Option<OwnedFd>) {
    if let Some(name) = words.strip_prefix(REMOVE) {
        files.retain(|it| it.name != name);
    } else if let (Some(name), Some(file)) = (words.strip_prefix(STORE), file)
        && files.len() < CAPACITY
    {
        let identity = fstat(&file).ok().map(|it| (it.st_dev, it.st_ino));
        if identity.is_none() || !files.iter().any(|it| it.identity == identity) {
            // At once: a daemon that is killed leaves either the old one or the new one.
            files.retain(|it| it.name == CLIENT || it.name != name);
            files.push(Kept { name: name.to_owned(), file, identity });
        }
    }
}

/// Waits for a message, and meanwhile removes the sockets that clients have closed: the daemon carries out what they
/// have sent.
fn remove_closed(files: &mut Vec<Kept>, daemon: &impl AsFd) {
    let is_client = |it: &Kept| it.name == CLIENT;
    loop {
        let clients = files.iter().filter(|it| is_client(it));
        let mut slots = vec![PollFd::new(daemon, PollFlags::IN)];
        slots.extend(clients.map(|it| PollFd::new(&it.file, PollFlags::empty())));
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
fn offer(mut files: Vec<Kept>, patience: Duration) {
    let Some(at) = files.iter().position(|it| it.name == LISTENER) else { return };
    let Kept { file: listener, .. } = files.swap_remove(at);
    let has_clients = files.iter().any(|it| it.name == CLIENT);
    // A client without it has lost its registrations.
    files.sort_by_key(|it| it.name != STATE);
    let end = Instant::now() + patience;
    let mut served = None;
    while has_clients && served.is_none() && is_connected_to(&listener, end) {
        // One that was started beside the previous daemon is gone by now.
        served = accept_with(&listener, SocketFlags::CLOEXEC)
            .ok()
            .filter(|connection| send_all(connection, &files).is_ok());
    }
    drop((files, listener));
    drop(served);
}

/// Waits for a connection; false if there is none in time.
fn is_connected_to(listener: &OwnedFd, end: Instant) -> bool {
    let mut slots = [PollFd::new(listener, PollFlags::IN)];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let Ok(timeout) = Timespec::try_from(left) else { return false };
        match poll(&mut slots, Some(&timeout)) {
            Ok(count) => return count > 0 && !left.is_zero(),
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// Sends all, within [`TRANSFER`], and [`SEND_TIMEOUT`] for each.
fn send_all(connection: &OwnedFd, files: &[Kept]) -> io::Result<()> {
    let end = Instant::now() + TRANSFER;
    files.iter().try_for_each(|Kept { name, file, .. }| {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Errno::TIMEDOUT.into());
        }
        set_socket_timeout(connection, Timeout::Send, Some(left.min(SEND_TIMEOUT)))?;
        send(connection, name, Some(file.as_fd()))
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::{
        fs::{MemfdFlags, memfd_create},
        net::{
            AddressFamily, SocketAddrUnix, SocketType, bind, connect, listen, socket_with,
            socketpair,
        },
    };

    use super::*;

    const KIND: SocketType = SocketType::SEQPACKET;

    fn kept(name: &str, file: OwnedFd) -> Kept {
        Kept { name: name.to_owned(), file, identity: None }
    }

    /// The sockets of more clients than messages wait in a socket.
    #[test]
    fn a_daemon_that_connects_at_the_end_gets_all_and_the_state_first() {
        let directory = tempfile::tempdir().unwrap();
        let address = SocketAddrUnix::new(directory.path().join("socket")).unwrap();
        let socket = || socket_with(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None).unwrap();
        let (listener, daemon) = (socket(), socket());
        bind(&listener, &address).unwrap();
        listen(&listener, 1).unwrap();
        connect(&daemon, &address).unwrap();
        let client =
            || socketpair(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None).unwrap().0;
        let mut files = vec![kept(LISTENER, listener)];
        files.extend((0..100).map(|_| kept(CLIENT, client())));
        files.push(kept(STATE, memfd_create("state", MemfdFlags::CLOEXEC).unwrap()));
        let patience = Duration::from_millis(200);
        let offering = thread::spawn(move || offer(files, patience));
        thread::sleep(2 * patience);
        let mut names = Vec::new();
        while let Ok(Some((name, Some(_)))) = receive(&daemon) {
            names.push(name);
        }
        offering.join().unwrap();
        assert_eq!((names.len(), names[0].as_str()), (101, STATE));
    }
}
