//! The entries of a dump: an SA or a policy each, in the layout that was requested.

use std::{
    collections::HashSet,
    io::{self, Write},
    process,
};

use cli::script::{Incomplete, PolicyScript, SaScript};
use engine::GivenFlags;
use model::{Dialect, Direction, PolicyEntry, PolicyType, SaEntry};
use pfkey::{
    Message, MessageType,
    dump::{Frame, PolicyText, SaText},
    references, sad, spd,
};
use sys::clock::unix_seconds;

use super::{entry::DumpEntry, json::Json, order::BsdOrder, write_short_sa};
use crate::{
    message::MessageFormat,
    options::{CommandLine, Database, DumpFormat, Layout},
    print_error,
};

/// An entry, and the PF_KEY message that it came in, if it came so.
type EntryAndMessage = (DumpEntry, Option<Message>);

/// Prints the entries of a dump.
///
/// The last entry of a dump has number 0, so each one is printed when the next is known.
pub struct Entries {
    dialect: Dialect,
    format: DumpFormat,
    /// With `-v`: how the PF_KEY messages of a dump are shown.
    messages: Option<MessageFormat>,
    pending: Option<EntryAndMessage>,
    seq: u32,
    /// The ID of this process: a system call for each entry would take a tenth of a dump.
    pid: u32,
    /// With `--json`.
    json: Option<Json>,
    /// All of a dump that is printed in another order than Linux's.
    newest_first: Vec<EntryAndMessage>,
    /// What loading the script does not restore.
    incomplete: Incomplete,
    /// Whether PF_KEY is used, which gives SAs no flags, and may need no privilege.
    is_pf_key: bool,
}

impl Entries {
    /// Of no dump yet.
    pub fn new(command: &CommandLine) -> Self {
        let &CommandLine { dialect, format, messages, verbose, .. } = command;
        Self {
            dialect,
            format,
            messages: verbose.then(|| messages.without_bytes()),
            pending: None,
            seq: 0,
            pid: process::id(),
            json: (format.layout == Layout::Json).then(|| Json::new(command)),
            newest_first: Vec::new(),
            incomplete: Incomplete::default(),
            is_pf_key: command.pf_key.is_some(),
        }
    }

    /// What loading a script does not restore.
    pub fn incomplete(&self) -> Incomplete {
        self.incomplete
    }

    /// Takes the next entry, with the PF_KEY message that it came in, if it came so.
    pub fn take(
        &mut self,
        out: &mut impl Write,
        entry: DumpEntry,
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

    /// Ends a dump of a database. Whether it had no entry, in a layout in which that is reported.
    pub fn end(&mut self, out: &mut impl Write, database: Database) -> io::Result<bool> {
        self.seq = 0;
        match (self.pending.take(), self.format.layout) {
            (Some(last), _) => self.write(out, &last, 0)?,
            (None, Layout::Json) => {}
            (None, Layout::Script) => self.write_script(out, database)?,
            (None, _) if !self.newest_first.is_empty() => self.write_as_bsd(out)?,
            (None, _) => return Ok(true),
        }
        if let Some(json) = &mut self.json {
            json.end(out, database)?;
        }
        Ok(false)
    }

    /// Writes the statements, the oldest entry's first.
    fn write_script(&mut self, out: &mut impl Write, database: Database) -> io::Result<()> {
        let newest_first = std::mem::take(&mut self.newest_first);
        let policies = newest_first.iter().rev().filter_map(|(entry, _)| match entry {
            DumpEntry::Policy(entry, _) => Some(&**entry),
            DumpEntry::Sa(_) => None,
        });
        if self.format.restores {
            let has_sub = |entry: &PolicyEntry| entry.policy.id.policy_type == PolicyType::Sub;
            write_flush(out, database, policies.clone().any(has_sub))?;
        }
        let variables = engine::variables().map_err(io::Error::other)?;
        let unserved = if self.is_pf_key {
            HashSet::new()
        } else {
            engine::unserved(&variables, policies.clone()).map_err(io::Error::other)?
        };
        let policies = PolicyScript::new(self.dialect, variables, policies).with_unserved(unserved);
        let given = match database {
            Database::Sad if !self.is_pf_key => GivenFlags::of_host().map_err(io::Error::other)?,
            Database::Sad | Database::Spd => GivenFlags::default(),
        };
        let sas = SaScript { dialect: self.dialect, counters: self.format.counters, given };
        for entry in newest_first.iter().rev() {
            self.write_message(out, entry, 0)?;
            self.incomplete.count(match &entry.0 {
                DumpEntry::Sa(sa) => sas.write(out, sa)?,
                DumpEntry::Policy(policy, _) => policies.write(out, policy)?,
            });
        }
        Ok(())
    }

    fn frame(&self, entry: &DumpEntry, seq: u32) -> Frame {
        let references = match entry {
            DumpEntry::Policy(_, references) => *references,
            DumpEntry::Sa(..) => None,
        };
        Frame {
            dialect: self.dialect,
            ports: self.format.ports,
            redact: self.format.redact,
            pid: self.pid,
            seq,
            references,
            now: unix_seconds(),
        }
    }

    /// Writes the PF_KEY message of an entry, with `-v`.
    fn write_message(
        &self,
        out: &mut impl Write,
        (entry, message): &EntryAndMessage,
        seq: u32,
    ) -> io::Result<()> {
        match (message, self.messages) {
            (Some(message), Some(format)) => format.write(out, message),
            (None, Some(format)) => write_pfkey(out, entry, &self.frame(entry, seq), format),
            (_, None) => Ok(()),
        }
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

    fn write(&mut self, out: &mut impl Write, entry: &EntryAndMessage, seq: u32) -> io::Result<()> {
        self.write_message(out, entry, seq)?;
        let (entry, _) = entry;
        let frame = self.frame(entry, seq);
        match (entry, self.format.layout) {
            (DumpEntry::Sa(entry), Layout::Long) => {
                write!(out, "{}", SaText::of_entry(entry, &frame))
            }
            (DumpEntry::Sa(entry), Layout::Short) => write_short_sa(out, entry, &frame),
            (DumpEntry::Policy(entry, _), Layout::Long | Layout::Short) => {
                write!(out, "{}", PolicyText::of_entry(entry, &frame))
            }
            // They are written together.
            (_, Layout::Script) => Ok(()),
            (entry, Layout::Json) => match &mut self.json {
                Some(json) => json.push(out, entry),
                None => Ok(()),
            },
        }
    }

    /// NetBSD's setkey prints nothing of an SPI that it has reserved, but the message with `-v`.
    pub fn reserved(&mut self, out: &mut impl Write, entry: &SaEntry) -> io::Result<()> {
        match (self.messages, sad::message(MessageType::GETSPI, entry)) {
            (Some(format), Ok(message)) => format.write(out, &message.numbered(0, self.pid)),
            _ => Ok(()),
        }
    }

    /// JSON has what the kernel has, and so do scripts, but for FreeBSD's scopes. The BSDs have no direction fwd: an
    /// `in` policy stands for it. Their dumps are without the policies of sockets, too. AF_KEY shows policies of
    /// the main type.
    fn shows(&self, entry: &DumpEntry) -> bool {
        let DumpEntry::Policy(entry, _) = entry else { return true };
        let id = &entry.policy.id;
        let (is_bsd, scope) = (self.dialect.is_bsd(), self.format.scope);
        let is_in_scope = || !is_bsd || scope.has(id.selector.device.is_some());
        match self.format.layout {
            Layout::Json => true,
            Layout::Script => is_in_scope(),
            Layout::Long | Layout::Short => {
                let is_foreign = is_bsd && (id.direction == Direction::Fwd || entry.socket);
                id.policy_type == PolicyType::Main && !is_foreign && is_in_scope()
            }
        }
    }
}

/// The statements that empty a database.
fn write_flush(out: &mut impl Write, database: Database, has_sub: bool) -> io::Result<()> {
    match database {
        Database::Sad => writeln!(out, "flush;"),
        Database::Spd if has_sub => writeln!(out, "spdflush;\nspdflush -ptype sub;"),
        Database::Spd => writeln!(out, "spdflush;"),
    }
}

/// The message of the dump that this entry would have come in.
fn write_pfkey(
    out: &mut impl Write,
    entry: &DumpEntry,
    frame: &Frame,
    format: MessageFormat,
) -> io::Result<()> {
    let message = match entry {
        DumpEntry::Sa(entry) => sad::message(MessageType::DUMP, entry),
        DumpEntry::Policy(entry, _) => {
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
