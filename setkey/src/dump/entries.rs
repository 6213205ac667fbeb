//! The entries of a dump: an SA or a policy each, in the layout that was requested.

use std::{
    io::{self, Write},
    process,
};

use model::{Dialect, Direction, SaEntry};
use pfkey::{
    Message, MessageType,
    dump::{Frame, PolicyText, SaText},
    references, sad, spd,
};
use sys::clock::unix_seconds;

use super::{
    entry::Entry, json::Json, order::BsdOrder, write_script_policy, write_script_sa, write_short_sa,
};
use crate::{
    message::MessageFormat,
    options::{Command, DumpFormat, Layout},
    print_error,
};

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
    /// All of a dump that is printed in another order than Linux's.
    newest_first: Vec<DumpEntry>,
    /// With `--script`: an entry was a comment, since no statement can add it.
    is_incomplete: bool,
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
            is_incomplete: false,
        }
    }

    /// Whether a script does not make all entries again.
    pub fn is_incomplete(&self) -> bool {
        self.is_incomplete
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
        if self.reorders() {
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

    /// Whether dumps are printed in another order than Linux's: a script adds the oldest first, and the
    /// BSDs' kernels have their own.
    fn reorders(&self) -> bool {
        match self.format.layout {
            Layout::Script => true,
            Layout::Long | Layout::Short => self.dialect.is_bsd(),
            Layout::Json => false,
        }
    }

    /// Ends a dump. Whether it had no entry, in a layout in which that is reported.
    pub fn end(&mut self, out: &mut impl Write) -> io::Result<bool> {
        self.seq = 0;
        match (self.pending.take(), self.format.layout) {
            (Some(last), _) => self.write(out, &last, 0)?,
            (None, Layout::Json) => {}
            (None, Layout::Script) => self.write_oldest_first(out)?,
            (None, _) if !self.newest_first.is_empty() => self.write_as_bsd(out)?,
            (None, _) => return Ok(true),
        }
        if let Some(json) = &self.json {
            json.document.write(out)?;
        }
        Ok(false)
    }

    fn write_oldest_first(&mut self, out: &mut impl Write) -> io::Result<()> {
        let entries = std::mem::take(&mut self.newest_first);
        entries.iter().rev().try_for_each(|entry| self.write(out, entry, 0))
    }

    /// The BSDs number an entry by how many follow.
    fn write_as_bsd(&mut self, out: &mut impl Write) -> io::Result<()> {
        let mut order = BsdOrder::new(self.dialect);
        let oldest_first = std::mem::take(&mut self.newest_first).into_iter().rev();
        let mut entries: Vec<_> =
            oldest_first.map(|entry| (order.place(&entry.0), entry)).collect();
        entries.sort_unstable_by_key(|(place, _)| *place);
        let mut following = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        entries.iter().try_for_each(|(_, entry)| {
            following = following.saturating_sub(1);
            self.write(out, entry, following)
        })
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
            (Entry::Sa(entry), Layout::Script) => {
                let counters = self.format.counters;
                self.is_incomplete |= !write_script_sa(out, entry, &frame, counters)?;
                Ok(())
            }
            (Entry::Policy(entry, _), Layout::Long | Layout::Short) => {
                write!(out, "{}", PolicyText::of_entry(entry, &frame))
            }
            (Entry::Policy(entry, _), Layout::Script) => {
                self.is_incomplete |= !write_script_policy(out, entry, &frame)?;
                Ok(())
            }
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

    /// The BSDs have no direction fwd: an `in` policy stands for it. Their dumps are without the policies
    /// of sockets, too. JSON has what the kernel has.
    fn shows(&self, entry: &Entry) -> bool {
        let Entry::Policy(entry, _) = entry else { return true };
        if !self.dialect.is_bsd() || self.format.layout == Layout::Json {
            return true;
        }
        let is_script = self.format.layout == Layout::Script;
        let is_listed = entry.policy.id.direction != Direction::Fwd && (is_script || !entry.socket);
        is_listed && self.format.scope.has(entry.policy.id.selector.device.is_some())
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
