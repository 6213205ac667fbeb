//! Standard output, as the original has it, and the explanations on standard error.

use std::{
    fmt,
    io::{self, Write},
    process,
};

use cli::{Keys, PolicyJson, SaJson};
use engine::{Outcome, Refusal, Sink, Target};
use model::{Dialect, Direction, PolicyEntry, SaEntry};
use pfkey::{
    Message, MessageType,
    dump::{Frame, PolicyText, SaText},
    references, sad, spd,
};
use rustix::io::Errno;
use serde_json::Value;
use sys::{clock::unix_seconds, errno_text};

use crate::{
    dump::{HEADER, write_script_policy, write_script_sa, write_short_sa},
    message::MessageFormat,
    options::{Command, DumpFormat, Layout},
    print_error,
};

/// Where a result comes from, which decides how it is worded.
#[derive(Debug, Clone)]
pub enum Source {
    /// A script of this name.
    Script(String),
    /// Standard input (`-c`) or an option: the result alone.
    Direct,
}

/// Prints results in the order they come.
///
/// The last entry of a dump has number 0, so each one is printed when the next is known.
pub struct Printer<W: Write> {
    out: W,
    source: Source,
    dialect: Dialect,
    format: DumpFormat,
    /// With `-v`: how the PF_KEY messages of a dump are shown.
    messages: Option<MessageFormat>,
    pending: Option<DumpEntry>,
    seq: u32,
    /// The ID of this process: a system call for each entry would take a tenth of a dump.
    pid: u32,
    json: Vec<Value>,
    /// With `--script`: all of them, since the oldest is to be added first.
    newest_first: Vec<DumpEntry>,
    /// The last refusal, and its line.
    refused: Option<(usize, Refusal)>,
}

/// What a dump is made of.
pub enum Entry {
    /// An SA.
    Sa(Box<SaEntry>),
    /// A policy, with the kernel's count of its users where it is known.
    Policy(Box<PolicyEntry>, Option<u16>),
}

/// An entry, and the PF_KEY message that it came in, if it came so.
type DumpEntry = (Entry, Option<Message>);

impl<W: Write> Printer<W> {
    /// Prints to `out`.
    pub fn new(out: W, source: Source, command: &Command) -> Self {
        let &Command { dialect, format, messages, verbose, .. } = command;
        Self {
            out,
            source,
            dialect,
            format,
            messages: verbose.then(|| messages.without_bytes()),
            pending: None,
            seq: 0,
            pid: process::id(),
            json: Vec::new(),
            newest_first: Vec::new(),
            refused: None,
        }
    }

    /// Standard output, for what is not a result.
    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// Whether the kernel refused anything so far.
    pub fn has_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// The line above a dump in a loop.
    pub fn header(&mut self) -> io::Result<()> {
        writeln!(self.out, "{HEADER}")
    }

    /// Takes the next entry, with the PF_KEY message that it came in, if it came so.
    pub fn entry(&mut self, entry: Entry, message: Option<Message>) -> io::Result<()> {
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
                self.write(&previous, self.seq)
            }
            None => Ok(()),
        }
    }

    fn end(&mut self, line: usize, empty: &str) -> io::Result<()> {
        self.seq = 0;
        for entry in std::mem::take(&mut self.newest_first).iter().rev() {
            self.write(entry, 0)?;
        }
        match (self.pending.take(), self.format.layout) {
            (Some(last), _) => self.write(&last, 0)?,
            (None, Layout::Script | Layout::Json) => {}
            (None, _) => return self.write_result(line, empty),
        }
        if self.format.layout == Layout::Json {
            let entries = Value::Array(std::mem::take(&mut self.json));
            writeln!(self.out, "{entries:#}")?;
        }
        Ok(())
    }

    fn write(&mut self, (entry, message): &DumpEntry, seq: u32) -> io::Result<()> {
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
            (Some(message), Some(format)) => format.write(&mut self.out, message)?,
            (None, Some(format)) => self.write_pfkey(entry, &frame, format)?,
            _ => {}
        }
        let out = &mut self.out;
        match (entry, self.format.layout) {
            (Entry::Sa(entry), Layout::Long) => {
                write!(out, "{}", SaText::of_entry(entry, &frame))
            }
            (Entry::Sa(entry), Layout::Short) => write_short_sa(out, entry, &frame),
            (Entry::Sa(entry), Layout::Script) => write_script_sa(out, entry, &frame),
            (Entry::Sa(entry), Layout::Json) => {
                self.json.push(serde_json::to_value(SaJson::new(entry, Keys::Hidden))?);
                Ok(())
            }
            (Entry::Policy(entry, _), Layout::Long | Layout::Short) => {
                write!(out, "{}", PolicyText::of_entry(entry, &frame))
            }
            (Entry::Policy(entry, _), Layout::Script) => write_script_policy(out, entry, &frame),
            (Entry::Policy(entry, _), Layout::Json) => {
                self.json.push(serde_json::to_value(PolicyJson::new(entry))?);
                Ok(())
            }
        }
    }

    /// The message of the dump that this entry would have come in.
    fn write_pfkey(
        &mut self,
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
            Ok(message) => format.write(&mut self.out, &message.numbered(frame.seq, frame.pid)),
            Err(error) => {
                print_error(&format_args!("PF_KEY cannot express an entry: {error}"));
                Ok(())
            }
        }
    }

    /// NetBSD's setkey prints nothing of an SPI that it has reserved, but the message with `-v`.
    fn reserved(&mut self, entry: &SaEntry) -> io::Result<()> {
        match (self.messages, sad::message(MessageType::GETSPI, entry)) {
            (Some(format), Ok(message)) => {
                format.write(&mut self.out, &message.numbered(0, self.pid))
            }
            _ => Ok(()),
        }
    }

    fn write_result(&mut self, line: usize, text: &str) -> io::Result<()> {
        match (&self.source, self.dialect) {
            // NetBSD prints it on standard error, with the file.
            (Source::Script(name), Dialect::NetBsd) => {
                self.out.flush()?;
                print_error(&format_args!("{name},{line}: {text}"));
                Ok(())
            }
            (Source::Script(_), _) => writeln!(self.out, "The result of line {line}: {text}."),
            (Source::Direct, _) => writeln!(self.out, "{text}."),
        }
    }

    fn refused(&mut self, line: usize, refusal: Refusal) -> io::Result<()> {
        // The BSDs' policies have no `fwd` copy of which to say the same again.
        let last = self.refused.as_ref().map(|(line, refusal)| (*line, refusal));
        if last == Some((line, &refusal)) && self.dialect.is_bsd() {
            return Ok(());
        }
        self.report(line, &refusal)?;
        self.refused = Some((line, refusal));
        Ok(())
    }

    fn report(&mut self, line: usize, refusal: &Refusal) -> io::Result<()> {
        self.write_result(line, &original_words(refusal))?;
        self.explain(line, refusal)
    }

    /// The explanation that the original does not have, on standard error.
    fn explain(&mut self, line: usize, why: &dyn fmt::Display) -> io::Result<()> {
        self.out.flush()?;
        match &self.source {
            Source::Script(name) => print_error(&format_args!("{name}:{line}: {why}")),
            Source::Direct => print_error(why),
        }
        Ok(())
    }

    /// The BSDs have no direction fwd: an `in` policy stands for it.
    fn shows(&self, entry: &Entry) -> bool {
        let Entry::Policy(entry, _) = entry else { return true };
        !(self.dialect.is_bsd() && entry.policy.id.direction == Direction::Fwd)
    }
}

impl<W: Write> Sink for Printer<W> {
    fn outcome(&mut self, line: usize, outcome: Outcome) -> io::Result<()> {
        match outcome {
            Outcome::Refused(refusal) => self.refused(line, refusal),
            Outcome::UnfitSa(id) => self.explain(
                line,
                &format_args!(
                    "the {} SA with SPI {} to {} carries other packets already and does not fit \
                     this policy: delete it and add it again",
                    id.proto.word(),
                    id.spi,
                    id.dst
                ),
            ),
            Outcome::Ignored(options) => self.explain(
                line,
                &format_args!("the SA is there, but this kernel ignored {}", options.join(", ")),
            ),
            Outcome::NeedsDaemon => self.explain(
                line,
                &"`use` on an outbound tunnel was applied for the current SAs only: run ipsecd to \
                  keep it up to date",
            ),
            Outcome::Sa(entry) => self.entry(Entry::Sa(entry), None),
            Outcome::Policy(requested) => {
                let engine::Requested(entry) = *requested;
                self.entry(Entry::Policy(Box::new(entry), None), None)
            }
            Outcome::Reserved(entry) => self.reserved(&entry),
            Outcome::EndOfSad => self.end(line, "No SAD entries"),
            Outcome::EndOfSpd => self.end(line, "No SPD entries"),
        }
    }
}

/// The words of the original: strerror(3), with its own for a policy that is not there. A missing
/// module is named instead, since "Protocol not supported" does not lead to it.
fn original_words(refusal: &Refusal) -> String {
    if let Some(module) = refusal.missing_module() {
        return format!("kernel module {module} is missing");
    }
    match refusal {
        Refusal::Kernel { target: Target::Policy, errno: Errno::NOENT, .. } => "No entry".into(),
        _ => errno_text(refusal.errno()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::options;

    fn printer(source: Source) -> Printer<Vec<u8>> {
        let words = ["setkey", "-n", "-c"].map(OsString::from);
        Printer::new(Vec::new(), source, &options::parse(words).unwrap())
    }

    fn printed(source: Source, refusal: Refusal) -> String {
        let mut printer = printer(source);
        printer.outcome(7, Outcome::Refused(refusal)).unwrap();
        assert!(printer.has_refused());
        String::from_utf8(printer.out).unwrap()
    }

    fn kernel(target: Target, errno: Errno) -> Refusal {
        Refusal::Kernel { target, errno, text: None }
    }

    #[test]
    fn a_script_names_its_line() {
        let script = || Source::Script("x.conf".into());
        let exists = kernel(Target::NewPolicy, Errno::EXIST);
        assert_eq!(printed(script(), exists.clone()), "The result of line 7: File exists.\n");
        assert_eq!(printed(Source::Direct, exists), "File exists.\n");
        let gone = kernel(Target::Policy, Errno::NOENT);
        assert_eq!(printed(script(), gone), "The result of line 7: No entry.\n");
        let no_esp = kernel(Target::NewSa(model::Proto::Esp, false, vec![]), Errno::PROTONOSUPPORT);
        let text = printed(script(), no_esp);
        assert_eq!(text, "The result of line 7: kernel module esp4 is missing.\n");
    }

    #[test]
    fn a_bsd_reports_a_policy_once() {
        let gone = || Outcome::Refused(kernel(Target::Policy, Errno::NOENT));
        for (dialect, lines) in [(Dialect::Linux, 3), (Dialect::FreeBsd, 2)] {
            let mut printer = Printer { dialect, ..printer(Source::Script("x".into())) };
            for line in [7, 7, 8] {
                printer.outcome(line, gone()).unwrap();
            }
            assert_eq!(String::from_utf8(printer.out).unwrap().lines().count(), lines);
        }
    }

    #[test]
    fn an_empty_dump_has_a_result() {
        let mut printer = printer(Source::Direct);
        printer.outcome(0, Outcome::EndOfSad).unwrap();
        printer.outcome(0, Outcome::EndOfSpd).unwrap();
        assert_eq!(printer.out, b"No SAD entries.\nNo SPD entries.\n");
    }
}
