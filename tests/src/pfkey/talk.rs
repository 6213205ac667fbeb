use std::os::fd::OwnedFd;

use pfkey::Message;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::{Draft, Seen};

/// Sends a message in the words of a [`Draft`].
pub fn ask(socket: &OwnedFd, words: &str, seq: u32) {
    let draft = Draft::read(words, seq).expect("a message");
    let bytes = draft.bytes(&Seen::default()).expect("a message");
    send(socket, &bytes, SendFlags::empty()).expect("the service listens");
}

/// Waits for the next message.
#[must_use]
pub fn receive(socket: &OwnedFd) -> Message {
    let mut buffer = [0; 4096];
    let (_, length) = recv(socket, &mut buffer, RecvFlags::empty()).expect("an answer");
    Message::decode(&buffer[..length]).expect("a message")
}
