//! When what was sent has been answered.
//!
//! AF_KEY works inside send(2): when it returns, the answer is queued. The service is another
//! process. It looks at a request (`MSG_PEEK`), answers it, and takes it from its queue last. Until
//! then the memory of the request is charged to the sending socket, which `SIOCOUTQ` reports
//! (`unix_outq_len`, net/unix/af_unix.c). So each process and thread that has the socket, by whichever
//! descriptor, sees whether a request that was sent on it is unanswered.

use std::{mem::MaybeUninit, thread, time::Duration};

use rustix::{
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    fd::{AsFd, BorrowedFd},
    io::Errno,
    net::{SendFlags, SocketAddrUnix, getpeername, send as send_once},
};
use sys::sockopt::unreceived_bytes;

/// What `SIOCOUTQ` may still report while the kernel frees the last message (`sock_wfree`,
/// net/core/sock.c: one byte is kept until the waiters are woken). A message takes more.
const NOTHING: i32 = 1;

/// The longest sleep before the socket is checked again: meanwhile the descriptor may have got another
/// socket, of which this wait gets no event.
const A_WHILE: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };

/// How often the socket is checked where the process has no descriptor left to wait with.
const A_MOMENT: Duration = Duration::from_micros(200);

/// Sends a message as AF_KEY takes it: its answers are queued when this returns, whether the socket
/// blocks or not. How many bytes were sent.
///
/// Errors: those of send(2) but EINTR and EAGAIN; those of [`wait`].
pub fn send(socket: impl AsFd, message: &[u8]) -> Result<usize, Errno> {
    let socket = socket.as_fd();
    let length = loop {
        match send_once(socket, message, SendFlags::NOSIGNAL) {
            Ok(length) => break length,
            Err(Errno::INTR) => {}
            // A non-blocking socket, whose other users' requests have to be taken first.
            Err(Errno::AGAIN) => wait(socket)?,
            Err(errno) => return Err(errno),
        }
    };
    if is_of_service(socket) {
        wait(socket)?;
    }
    Ok(length)
}

/// Whether a socket is connected to a service: to a Unix socket that has a path, which only those that
/// listen have. At the other end of another one there may be no process that reads.
fn is_of_service(socket: BorrowedFd<'_>) -> bool {
    let peer =
        getpeername(socket).ok().flatten().and_then(|peer| SocketAddrUnix::try_from(peer).ok());
    peer.is_some_and(|peer| peer.path_bytes().is_some())
}

/// Waits until all that was sent on this socket has been carried out and its answers are queued, as
/// far as there is room for them. Signals are handled meanwhile, and the wait goes on, as AF_KEY's
/// send(2) does. A socket of the kernel's AF_KEY has never anything to wait for.
///
/// Allocates nothing, and keeps no descriptor.
///
/// Errors: ECONNRESET if the service has gone, and with it perhaps what it was sent.
pub fn wait(socket: impl AsFd) -> Result<(), Errno> {
    let socket = socket.as_fd();
    if is_answered(socket) {
        return is_connected(socket);
    }
    match wait_for_room(socket) {
        Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOSPC) => look_again(socket),
        result => result,
    }
}

/// Whether all that was sent on this socket has been answered.
fn is_answered(socket: BorrowedFd<'_>) -> bool {
    // AF_KEY does not know the request.
    !unreceived_bytes(socket).is_ok_and(|bytes| bytes > NOTHING)
}

/// Sleeps until a message was taken from the queue. poll(2) does not report that, since there is always
/// room for another.
fn wait_for_room(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    let waiting = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&waiting, socket, EventData::new_u64(0), EventFlags::OUT | EventFlags::ET)?;
    let mut room = [MaybeUninit::uninit(); 1];
    loop {
        let has_gone = match epoll::wait(&waiting, &mut room, Some(&A_WHILE)) {
            Ok((events, _)) => {
                events.iter().any(|&Event { flags, .. }| flags.contains(EventFlags::HUP))
            }
            Err(Errno::INTR) => false,
            Err(errno) => return Err(errno),
        };
        if has_gone {
            return Err(Errno::CONNRESET);
        }
        if is_answered(socket) {
            return Ok(());
        }
    }
}

fn look_again(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    while !is_answered(socket) {
        thread::sleep(A_MOMENT);
    }
    is_connected(socket)
}

/// A service that goes takes what it was sent with it.
fn is_connected(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    if sys::is_hung_up(socket)? { Err(Errno::CONNRESET) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::{os::fd::OwnedFd, time::Instant};

    use rustix::net::{
        AddressFamily, RecvFlags, SocketFlags, SocketType, accept, bind, connect, listen, recv,
        socket, socketpair,
    };

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    /// A socket of a client, and the service's.
    fn pair() -> (OwnedFd, OwnedFd) {
        let directory = tempfile::tempdir().unwrap();
        let address = SocketAddrUnix::new(directory.path().join("pfkey.sock")).unwrap();
        let new = || socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        let (listener, client) = (new(), new());
        bind(&listener, &address).unwrap();
        listen(&listener, 1).unwrap();
        connect(&client, &address).unwrap();
        (client, accept(&listener).unwrap())
    }

    fn take(socket: &OwnedFd, flags: RecvFlags) -> usize {
        recv(socket, &mut [0; 16][..], flags).unwrap().1
    }

    #[test]
    fn a_message_is_answered_when_it_is_taken() {
        let (ours, theirs) = pair();
        assert_eq!(wait(&ours), Ok(()), "nothing was sent");
        let (is_long, long) = (Instant::now(), vec![7; 100_000]);
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2 {
                    take(&theirs, RecvFlags::PEEK);
                    send_once(&theirs, b"a broadcast", SendFlags::empty()).unwrap();
                    thread::sleep(SHORT);
                    take(&theirs, RecvFlags::empty());
                }
            });
            for message in [&b"request"[..], &long] {
                assert_eq!(send(&ours, message), Ok(message.len()));
            }
        });
        assert!(is_long.elapsed() >= 2 * SHORT);
        assert_eq!(wait(&ours), Ok(()));
    }

    #[test]
    fn a_service_that_has_gone_is_reported() {
        let (ours, theirs) = pair();
        thread::scope(|scope| {
            scope.spawn(move || {
                take(&theirs, RecvFlags::PEEK);
                thread::sleep(SHORT);
            });
            assert_eq!(send(&ours, b"request"), Err(Errno::CONNRESET));
        });
        assert!(matches!(send(&ours, b"request"), Err(Errno::CONNRESET | Errno::PIPE)));
        assert_eq!(wait(&ours), Err(Errno::CONNRESET));
    }

    #[test]
    fn a_socket_that_does_not_block_waits_too() {
        let (ours, theirs) = pair();
        rustix::io::ioctl_fionbio(&ours, true).unwrap();
        let message = vec![7; 60_000];
        while send_once(&ours, &message, SendFlags::empty()).is_ok() {}
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(SHORT);
                while recv(&theirs, &mut [0; 16][..], RecvFlags::DONTWAIT).is_ok() {}
                thread::sleep(SHORT);
                take(&theirs, RecvFlags::empty());
            });
            assert_eq!(send(&ours, &message), Ok(message.len()));
        });
    }

    #[test]
    fn a_socket_that_no_process_reads_is_not_waited_for() {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (ours, _theirs) = socketpair(family, kind, SocketFlags::empty(), None).unwrap();
        assert_eq!(send(&ours, b"request"), Ok(7));
    }

    #[test]
    fn other_descriptors_are_not_waited_for() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(wait(&file), Ok(()));
    }
}
