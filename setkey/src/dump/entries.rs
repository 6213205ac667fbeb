//! The entries of a dump: an SA or a policy each, in the layout that was requested.

use std::{
    io::{self, Write},
    process,
};

use model::{Dialect, Direction, PolicyEntry, SaEntry};
use pfkey::{
    Message, MessageType,
    dump::{Frame, PolicyText, SaText},
    references, sad, spd,
};
use sys::clock::unix_seconds;

use super::{json::Json, write_script_policy, write_script_sa, write_short_sa};
use crate::{
    message::MessageFormat,
    options::{Command, DumpFormat, Layout},
    print_error,
};

/// What a dump is made of.
pub enum Entry {
    /// An SA.
    Sa(Box<SaEntry>),
    /// A policy, with the kernel's count of its users where it is known.
    Policy(Box<PolicyEntry>, Option<u16>),
}

/// An entry, and the PF_KEY message that it came in, if it came so.
type DumpEntry = (Entry, Option<Message>);

/// Prints the entries of a dump.
///
/// The last entry of a dump has number 0, so each one is printed when the next is known.
pub struct Entries {
    dialect: Dialect,
    format: DumpFormat,
    /// With `-v`: how the PF_KEY messages of a dump are shown.
    messages: Option<MessageFormat>,
    pending: Option<DumpEntry>,
    seq: u32,
    /// The ID of this process: a system call for each entry would take a tenth of a dump.
    pid: u32,
    /// With `--json`.
    json: Option<Json>,
    /// With `--script`: all of them, since the oldest is to be added first.
    newest_first: Vec<DumpEntry>,
}

impl Entries {
    /// Of no dump yet.
    pub fn new(command: &Command) -> Self {
        let &Command { dialect, format, messages, verbose, .. } = command;
        Self {
            dialect,
            format,
            messages: verbose.then(|| messages.without_bytes()),
            pending: None,
            seq: 0,
            pid: process::id(),
            json: (format.layout == Layout::Json).then(|| Json::new(command)),
            newest_first: Vec::new(),
        }
    }

    /// Takes the next entry, with the PF_KEY message that it came in, if it came so.
    pub fn take(
        &mut self,
        out: &mut impl Write,
        entry: Entry,
        message: Option<Message>,
    ) -> io::Result<()> {
        if !self.shows(&entry) {
            return Ok(());
        }
        if self.format.layout == Layout::Script {
            self.newest_first.push((entry, message));
            return Ok(());
        }
        match self.pending.replace((entry, message)) {
            Some(previous) => {
                self.seq += 1;
                self.write(out, &previous, self.seq)
            }
            None => Ok(()),
        }
    }

    /// Ends a dump. Whether it had no entry, in a layout in which that is reported.
    pub fn end(&mut self, out: &mut impl Write) -> io::Result<bool> {
        self.seq = 0;
        for entry in std::mem::take(&mut self.newest_first).iter().rev() {
            self.write(out, entry, 0)?;
        }
        match (self.pending.take(), self.format.layout) {
            (Some(last), _) => self.write(out, &last, 0)?,
            (None, Layout::Script | Layout::Json) => {}
            (None, _) => return Ok(true),
        }
        if let Some(json) = &self.json {
            json.document.write(out)?;
        }
        Ok(false)
    }

    fn write(
        &mut self,
        out: &mut impl Write,
        (entry, message): &DumpEntry,
        seq: u32,
    ) -> io::Result<()> {
        let references = match entry {
            Entry::Policy(_, references) => *references,
            Entry::Sa(..) => None,
        };
        let frame = Frame {
            dialect: self.dialect,
            ports: self.format.ports,
            redact: self.format.redact,
            pid: self.pid,
            seq,
            references,
            now: unix_seconds(),
        };
        match (message, self.messages) {
            (Some(message), Some(format)) => format.write(out, message)?,
            (None, Some(format)) => write_pfkey(out, entry, &frame, format)?,
            _ => {}
        }
        match (entry, self.format.layout) {
            (Entry::Sa(entry), Layout::Long) => {
                write!(out, "{}", SaText::of_entry(entry, &frame))
            }
            (Entry::Sa(entry), Layout::Short) => write_short_sa(out, entry, &frame),
            (Entry::Sa(entry), Layout::Script) => write_script_sa(out, entry, &frame),
            (Entry::Policy(entry, _), Layout::Long | Layout::Short) => {
                write!(out, "{}", PolicyText::of_entry(entry, &frame))
            }
            (Entry::Policy(entry, _), Layout::Script) => write_script_policy(out, entry, &frame),
            (entry, Layout::Json) => {
                if let Some(json) = &mut self.json {
                    json.push(entry);
                }
                Ok(())
            }
        }
    }

    /// NetBSD's setkey prints nothing of an SPI that it has reserved, but the message with `-v`.
    pub fn reserved(&mut self, out: &mut impl Write, entry: &SaEntry) -> io::Result<()> {
        match (self.messages, sad::message(MessageType::GETSPI, entry)) {
            (Some(format), Ok(message)) => format.write(out, &message.numbered(0, self.pid)),
            _ => Ok(()),
        }
    }

    /// The BSDs have no direction fwd: an `in` policy stands for it. JSON has what the kernel has.
    fn shows(&self, entry: &Entry) -> bool {
        let Entry::Policy(entry, _) = entry else { return true };
        self.format.layout == Layout::Json
            || !(self.dialect.is_bsd() && entry.policy.id.direction == Direction::Fwd)
    }
}

/// The message of the dump that this entry would have come in.
fn write_pfkey(
    out: &mut impl Write,
    entry: &Entry,
    frame: &Frame,
    format: MessageFormat,
) -> io::Result<()> {
    let message = match entry {
        Entry::Sa(entry) => sad::message(MessageType::DUMP, entry),
        Entry::Policy(entry, _) => {
            spd::message(MessageType::SPDDUMP, entry, references::WITH_TIMER)
        }
    };
    match message {
        Ok(message) => format.write(out, &message.numbered(frame.seq, frame.pid)),
        Err(error) => {
            print_error(&format_args!("PF_KEY cannot express an entry: {error}"));
            Ok(())
        }
    }
}
