//! What becomes of a message.

use pfkey::command::{Command, command, header};
use rustix::io::Errno;

/// What becomes of a message before the SAD and SPD are asked.
#[derive(Debug)]
pub enum Fate {
    /// `send(2)` fails.
    NotSent(Errno),
    /// The reply has an errno.
    Refused(Errno),
    Accepted(Command),
}

pub fn fate(bytes: &[u8]) -> Fate {
    match header(bytes) {
        Err(error) => Fate::NotSent(error.errno()),
        Ok(header) => match command(&header, bytes) {
            Err(error) => Fate::Refused(error.errno()),
            Ok(command) => Fate::Accepted(command),
        },
    }
}

/// The errnos of `send(2)`, of the message, or none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    Send(Errno),
    Reply(Errno),
    Taken,
}
use Expected::{Reply, Send, Taken};

#[track_caller]
pub fn assert_fate(what: &str, bytes: &[u8], expected: Expected) {
    let fate = match fate(bytes) {
        Fate::NotSent(errno) => Send(errno),
        Fate::Refused(errno) => Reply(errno),
        Fate::Accepted(_) => Taken,
    };
    assert_eq!(fate, expected, "{what}");
}

#[track_caller]
pub fn assert_fates(table: &[(&str, Vec<u8>, Expected)]) {
    for (what, bytes, expected) in table {
        assert_fate(what, bytes, *expected);
    }
}
