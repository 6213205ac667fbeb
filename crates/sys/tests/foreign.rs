//! Messages of clients that may be hostile, received by another process.
//!
//! A test of its own process: fork(2) copies the descriptors of all threads.

use std::{
    fs::File,
    io::IoSlice,
    mem::MaybeUninit,
    net::UdpSocket,
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use rustix::{
    cmsg_space,
    net::{
        AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
        SocketType, sendmsg, socketpair, sockopt::socket_type,
    },
};
use sys::foreign::{ForeignMessage, NoSocket, Receiver};

const LIMIT: Duration = Duration::from_secs(5);

/// What is received of a message with these descriptors.
fn received(bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Option<ForeignMessage> {
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).expect("a pair");
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(253))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    }
    sendmsg(&theirs, &[IoSlice::new(bytes)], &mut control, SendFlags::empty()).expect("sent");
    drop(theirs);
    Receiver::start(&ours, 8, LIMIT).expect("a process").message()
}

#[test]
fn a_socket_is_handed_on_and_nothing_else_is() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let message = received(b"policy", &[socket.as_fd()]).unwrap();
    assert_eq!(
        (message.bytes.as_slice(), socket_type(message.socket.unwrap())),
        (&b"policy"[..], Ok(SocketType::DGRAM))
    );
    let file = File::open("/dev/null").unwrap();
    for (descriptors, reason) in [
        (vec![], NoSocket::NotOne),
        (vec![file.as_fd()], NoSocket::OtherKind),
        (vec![socket.as_fd(); 2], NoSocket::NotOne),
        (vec![socket.as_fd(); 253], NoSocket::NotOne),
    ] {
        let message = received(b"policy", &descriptors).unwrap();
        assert_eq!(message.socket.unwrap_err(), reason, "{}", descriptors.len());
    }
    let message = received(b"too long a policy", &[socket.as_fd()]).unwrap();
    assert_eq!((message.bytes.len(), message.socket.unwrap_err()), (8, NoSocket::NotOne));
}

#[test]
fn a_client_that_sends_nothing_is_not_waited_for() {
    assert!(received(b"", &[]).is_none());
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let (ours, _theirs) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
    let begun = Instant::now();
    let receiver = Receiver::start(&ours, 8, Duration::from_millis(200)).unwrap();
    assert!(receiver.message().is_none());
    drop(receiver);
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}
