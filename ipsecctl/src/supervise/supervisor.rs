//! The process beside the program, which answers its calls.

use std::{io::IoSlice, io::IoSliceMut, mem::MaybeUninit};

use rustix::{
    cmsg_space,
    fd::{AsFd, OwnedFd},
    fs::{Mode, OFlags, open},
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
    process::chdir,
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdin},
};

use super::{
    Answer,
    sys::{self, Listener, Notification},
};

/// Hands the listener to the supervisor at the other end of `channel`.
pub fn send(channel: &OwnedFd, listener: &Listener) -> Result<(), Errno> {
    let descriptors = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(channel, &[IoSlice::new(&[0])], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Answers until the last process under the filter has gone.
pub fn run(channel: OwnedFd, answer: &impl Fn(&Notification) -> Answer) -> Result<(), Errno> {
    stand_aside(channel)?;
    let Some(listener) = receive()? else { return Ok(()) };
    while listener.is_in_use()? {
        if let Some(notification) = listener.receive()? {
            pass_on(&listener, &notification, &answer(&notification));
        }
    }
    Ok(())
}

/// Keeps nothing of the program's: no pipe of it stays open, no directory in use, and what ends the
/// program does not end the supervisor before it. The channel becomes standard input.
fn stand_aside(channel: OwnedFd) -> Result<(), Errno> {
    dup2_stdin(&channel)?;
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    drop((channel, null));
    sys::close_all_but_standard();
    sys::ignore_requests_to_end();
    chdir("/")
}

/// The listener, unless the filter was not installed.
fn receive() -> Result<Option<Listener>, Errno> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(stdin(), &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(descriptor.map(Listener::from))
}

fn pass_on(listener: &Listener, notification: &Notification, answer: &Answer) {
    // What was read of the thread was the caller's if it has been waiting all the time.
    if !listener.is_waiting(notification) {
        return;
    }
    // An error here is a caller that was killed in the meantime: nobody is left to be told.
    let _ = match answer {
        Answer::Kernel => listener.go_on(notification),
        Answer::Refused(errno) => listener.refuse(notification, *errno),
        Answer::Socket(socket) => listener
            .hand_in(notification, socket.as_fd())
            .or_else(|errno| listener.refuse(notification, errno)),
    };
}
