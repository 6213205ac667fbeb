//! A socket that another program sends, received by a process of its own.
//!
//! A message may have 253 descriptors of any kind. close(2) of a file waits for as long as its file
//! system chooses, also when a process ends or executes another program, and no signal ends that
//! (`fuse_flush`, fs/fuse/file.c). So a process that has nothing else receives the message, with room
//! for one descriptor, and hands it on only if it is a socket. A file stays with that process.
//!
//! Hand-written because rustix has no fork(2), and nix neither close_range(2) nor a fork that is safe
//! beside threads. No upstream change would end it.
#![allow(unsafe_code, reason = "fork(2), close_range(2), tgkill(2), _exit(2)")]

use std::{
    io::IoSliceMut,
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    io::{Errno, retry_on_intr},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
        SocketFlags, SocketType, recvmsg, socketpair,
        sockopt::{Timeout, set_socket_timeout, socket_type},
    },
    process::{Pid, Signal, WaitOptions, set_parent_process_death_signal, waitpid},
};

use crate::{errno::checked, rights};

/// A message and its socket.
#[derive(Debug)]
pub struct ForeignMessage {
    /// The bytes, as far as there was room.
    pub bytes: Vec<u8>,
    /// The socket, or why there is none.
    pub socket: Result<OwnedFd, NoSocket>,
}

/// Why a message has no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSocket {
    /// It has no descriptor or several, or more bytes than there was room for.
    NotOne,
    /// Its descriptor is of another kind.
    OtherKind,
}

/// The process that receives. To drop it waits for its end, which a file may delay without limit.
#[derive(Debug)]
pub struct Receiver {
    process: Pid,
    handed_on: OwnedFd,
    room: usize,
}

impl Receiver {
    /// Starts a process that waits for a message with at most `room` bytes, for as long as the socket's
    /// SO_RCVTIMEO. `limit`: how long [`Receiver::message`] waits.
    ///
    /// Errors: those of socketpair(2) and fork(2).
    pub fn start(connection: impl AsFd, room: usize, limit: Duration) -> Result<Self, Errno> {
        let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
        let (handed_on, result) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
        set_socket_timeout(&handed_on, Timeout::Recv, Some(limit))?;
        let mut bytes = vec![0; room + 1];
        // SAFETY: the child makes system calls, allocates nothing and takes no lock.
        match checked(unsafe { libc::fork() })? {
            0 => receive_and_end(connection.as_fd(), result.as_fd(), &mut bytes),
            process => {
                let process = Pid::from_raw(process).ok_or(Errno::SRCH)?;
                Ok(Self { process, handed_on, room })
            }
        }
    }

    /// Waits for the message; `None` if there is none in time.
    #[must_use]
    pub fn message(&self) -> Option<ForeignMessage> {
        let mut bytes = vec![0; self.room + 1];
        let mut space = Control::default();
        let received = receive(self.handed_on.as_fd(), &mut bytes, &mut space).ok();
        let (count, socket, _) = received.filter(|(count, ..)| *count > 0)?;
        let socket = match (Content::of(bytes[0])?, socket) {
            (Content::Socket, Some(socket)) => Ok(socket),
            (Content::OtherKind, _) => Err(NoSocket::OtherKind),
            (Content::NotOne | Content::Socket, _) => Err(NoSocket::NotOne),
        };
        bytes.truncate(count);
        bytes.remove(0);
        Some(ForeignMessage { bytes, socket })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let number = self.process.as_raw_nonzero().get();
        // SAFETY: takes no memory. The process is a child that was not waited for. It may wait for
        // SO_LINGER of a descriptor for which there was no room, which the signal ends.
        unsafe { libc::syscall(libc::SYS_tgkill, number, number, libc::SIGKILL) };
        let _ = retry_on_intr(|| waitpid(Some(self.process), WaitOptions::empty()));
    }
}

/// The first byte of what the process hands on.
#[derive(Clone, Copy)]
enum Content {
    Socket = 1,
    NotOne,
    OtherKind,
}

impl Content {
    fn of(byte: u8) -> Option<Self> {
        [Content::Socket, Content::NotOne, Content::OtherKind]
            .into_iter()
            .find(|content| *content as u8 == byte)
    }
}

/// Room for one descriptor and no other: `CMSG_LEN` of it, without the padding of `CMSG_SPACE`, in
/// which the kernel would put another one (`scm_max_fds`, net/core/scm.c).
#[repr(align(8))]
struct Control([MaybeUninit<u8>; CONTROL]);

const CONTROL: usize = size_of::<libc::cmsghdr>() + size_of::<i32>();

impl Default for Control {
    fn default() -> Self {
        Self([MaybeUninit::uninit(); CONTROL])
    }
}

/// Receives a message: its length and its descriptor.
fn receive(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    control: &mut Control,
) -> Result<(usize, Option<OwnedFd>, bool), Errno> {
    let mut control = RecvAncillaryBuffer::new(&mut control.0);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received =
        retry_on_intr(|| recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, flags))?;
    let is_whole = !received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
    let mut descriptor = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            descriptor = descriptors.next();
        }
    }
    Ok((received.bytes, descriptor, is_whole))
}

/// What the process does. Its end closes what it has received.
fn receive_and_end(connection: BorrowedFd<'_>, result: BorrowedFd<'_>, bytes: &mut [u8]) -> ! {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    close_all_but(connection, result);
    let received = receive(connection, &mut bytes[1..], &mut Control::default());
    if let Ok((count, descriptor, is_whole)) = received
        && (count > 0 || descriptor.is_some())
    {
        let content = match &descriptor {
            Some(descriptor) if is_whole => match socket_type(descriptor) {
                Ok(_) => Content::Socket,
                Err(_) => Content::OtherKind,
            },
            _ => Content::NotOne,
        };
        bytes[0] = content as u8;
        let socket = descriptor.as_ref().filter(|_| matches!(content, Content::Socket));
        let _ = rights::send(result, &bytes[..=count], socket.map(AsFd::as_fd));
        // To close it may take long, and the end does so.
        std::mem::forget(descriptor);
    }
    // SAFETY: ends this process, without the handlers and destructors of the one that it is a copy of.
    unsafe { libc::_exit(0) }
}

/// Closes the copies of all other descriptors, so that none is open for as long as this process is there.
fn close_all_but(one: BorrowedFd<'_>, other: BorrowedFd<'_>) {
    let [one, other] = [one, other].map(|it| it.as_raw_fd().cast_unsigned());
    let (low, high) = (one.min(other), one.max(other));
    let mut start = 0;
    for end in [low, high, u32::MAX] {
        if start < end {
            // SAFETY: takes no memory. This process uses none of these descriptors.
            unsafe { libc::close_range(start, end - 1, 0) };
        }
        start = end.wrapping_add(1);
    }
}
