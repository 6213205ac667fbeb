//! `setkey FILE`: recorded PF_KEY messages, printed as dumps.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use cli::WipedOutput;
use model::Dialect;
use pfkey::{
    Message, MessageType,
    dump::{Frame, PolicyText, SaText},
    sad, spd,
};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::{error::Error, options::CommandLine};

/// Bytes. The original reads no more of a file.
const MOST: usize = 32 << 10;

/// Prints every message of a file.
pub fn print(command: &CommandLine, path: &Path) -> Result<(), Error> {
    let bytes = read(path)?;
    if bytes.is_empty() {
        let reason = "it is empty, no recording of PF_KEY messages".into();
        return Err(Error::Read { name: path.display().to_string(), reason });
    }
    if is_text(&bytes) {
        return Err(Error::Text { path: path.to_owned() });
    }
    let mut out = WipedOutput::stdout()?;
    for message in pfkey::messages(&bytes) {
        let unreadable = |source| Error::Message { path: path.to_owned(), source };
        let message = message.map_err(unreadable)?;
        if command.verbose {
            command.messages.write(&mut out, &message)?;
        }
        print_message(&mut out, command, &message).map_err(|error| match error {
            Failure::Write(error) => Error::Write(error),
            Failure::Read(error) => unreadable(error),
        })?;
    }
    Ok(out.flush()?)
}

/// Whether the bytes are text: those of a message contain a NUL.
fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && str::from_utf8(bytes).is_ok()
}

/// The beginning of a file: it need not end. It may contain keys.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let file = File::open(path).map_err(|source| Error::of_open(path, source))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST + 1));
    let unread = |error: io::Error| Error::Read {
        name: path.display().to_string(),
        reason: error.to_string(),
    };
    file.take(MOST as u64).read_to_end(&mut bytes).map_err(unread)?;
    Ok(bytes)
}

enum Failure {
    Read(pfkey::Error),
    Write(io::Error),
}

impl From<pfkey::Error> for Failure {
    fn from(error: pfkey::Error) -> Self {
        Failure::Read(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Write(error)
    }
}

/// A message about an SA or a policy, or a refusal; others have nothing to print.
fn print_message(
    out: &mut impl Write,
    command: &CommandLine,
    message: &Message,
) -> Result<(), Failure> {
    if message.errno != 0 {
        return Ok(writeln!(out, "{}.", refusal(message))?);
    }
    let frame = Frame {
        dialect: Dialect::Linux,
        ports: command.format.ports,
        redact: command.format.redact,
        pid: message.pid,
        seq: message.seq,
        references: Some(message.reserved),
        now: sys::clock::unix_seconds(),
    };
    match message.msg_type {
        MessageType::GETSPI
        | MessageType::UPDATE
        | MessageType::ADD
        | MessageType::DELETE
        | MessageType::GET
        | MessageType::DUMP
        | MessageType::EXPIRE => {
            Ok(write!(out, "{}", SaText::of_entry(&sad::read(message)?, &frame))?)
        }
        MessageType::SPDADD
        | MessageType::SPDUPDATE
        | MessageType::SPDDELETE
        | MessageType::SPDGET
        | MessageType::SPDDUMP => {
            Ok(write!(out, "{}", PolicyText::of_entry(&spd::read(message)?, &frame))?)
        }
        _ => Ok(()),
    }
}

/// The words of the original for a request that was refused.
fn refusal(message: &Message) -> String {
    let errno = Errno::from_raw_os_error(message.errno.into());
    match (errno, message.msg_type) {
        (Errno::NOENT, MessageType::DELETE | MessageType::GET | MessageType::SPDDELETE) => {
            "No entry".into()
        }
        (Errno::NOENT, MessageType::DUMP) => "No SAD entries".into(),
        (Errno::NOENT, MessageType::SPDDUMP) => "No SPD entries".into(),
        _ => sys::errno_text(errno),
    }
}
