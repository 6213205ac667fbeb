//! Standard output, as the original has it, and the explanations on standard error.

use std::{
    fmt,
    io::{self, Write},
    time::SystemTime,
};

use engine::{Outcome, Refusal, Sink, Target};
use ipsec::{PolicyEntry, SaEntry};
use rustix::io::Errno;

use crate::dump::{Frame, write_policy, write_sa};

/// Where a result comes from, which decides how it is worded.
#[derive(Debug, Clone)]
pub enum Source {
    /// A script of this name: `The result of line N: ...`.
    Script(String),
    /// Standard input (`-c`) or an option: the result alone.
    Direct,
}

/// Prints results in the order they come.
///
/// The last entry of a dump has number 0, so each one is held until the next is known.
pub struct Printer<W: Write> {
    out: W,
    source: Source,
    ports: bool,
    held: Option<Held>,
    seq: u32,
}

enum Held {
    Sa(Box<SaEntry>),
    Policy(Box<PolicyEntry>),
}

impl<W: Write> Printer<W> {
    /// Prints to `out`; `ports` as in `-p`.
    pub fn new(out: W, source: Source, ports: bool) -> Self {
        Self { out, source, ports, held: None, seq: 0 }
    }

    /// Standard output, for what is not a result.
    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    fn hold(&mut self, entry: Held) -> io::Result<()> {
        match self.held.replace(entry) {
            Some(previous) => {
                self.seq += 1;
                self.write(&previous, self.seq)
            }
            None => Ok(()),
        }
    }

    fn end(&mut self, line: usize, empty: &str) -> io::Result<()> {
        self.seq = 0;
        match self.held.take() {
            Some(last) => self.write(&last, 0),
            None => self.write_result(line, empty),
        }
    }

    fn write(&mut self, entry: &Held, seq: u32) -> io::Result<()> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        let frame = Frame { ports: self.ports, pid: std::process::id(), seq, now };
        match entry {
            Held::Sa(entry) => write_sa(&mut self.out, entry, &frame),
            Held::Policy(entry) => write_policy(&mut self.out, entry, &frame),
        }
    }

    fn write_result(&mut self, line: usize, text: &str) -> io::Result<()> {
        match self.source {
            Source::Script(_) => writeln!(self.out, "The result of line {line}: {text}."),
            Source::Direct => writeln!(self.out, "{text}."),
        }
    }

    fn refused(&mut self, line: usize, refusal: &Refusal) -> io::Result<()> {
        self.write_result(line, &original_words(refusal))?;
        self.explain(line, refusal)
    }

    /// What the original had no words for, on standard error.
    fn explain(&mut self, line: usize, why: &dyn fmt::Display) -> io::Result<()> {
        self.out.flush()?;
        match &self.source {
            Source::Script(name) => eprintln!("setkey: {name}:{line}: {why}"),
            Source::Direct => eprintln!("setkey: {why}"),
        }
        Ok(())
    }
}

impl<W: Write> Sink for Printer<W> {
    fn outcome(&mut self, line: usize, outcome: Outcome) -> io::Result<()> {
        match outcome {
            Outcome::Refused(refusal) => self.refused(line, &refusal),
            Outcome::NarrowSa(id) => self.explain(
                line,
                &format_args!(
                    "the {} SA with SPI {} to {} is in use for packets of its own IP version only: \
                     delete it and add it again",
                    id.proto.name(),
                    id.spi,
                    id.dst
                ),
            ),
            Outcome::Sa(entry) => self.hold(Held::Sa(entry)),
            Outcome::Policy(entry) => self.hold(Held::Policy(entry)),
            Outcome::EndOfSad => self.end(line, "No SAD entries"),
            Outcome::EndOfSpd => self.end(line, "No SPD entries"),
        }
    }
}

/// The words of the original: strerror(3), with its own for a policy that is not there. A missing
/// module has a name instead, since "Protocol not supported" leads nobody to it.
fn original_words(refusal: &Refusal) -> String {
    if let Some(module) = refusal.missing_module() {
        return format!("kernel module {module} is missing");
    }
    match refusal {
        Refusal::Kernel { target: Target::Policy, errno: Errno::NOENT, .. } => "No entry".into(),
        _ => strerror(refusal.errno()),
    }
}

/// The text of strerror(3).
fn strerror(errno: Errno) -> String {
    let mut text = io::Error::from(errno).to_string();
    if let Some(end) = text.find(" (os error") {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(source: Source, refusal: Refusal) -> String {
        let mut printer = Printer::new(Vec::new(), source, false);
        printer.outcome(7, Outcome::Refused(refusal)).unwrap();
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
        let no_esp = kernel(Target::NewSa(ipsec::Proto::Esp, false, vec![]), Errno::PROTONOSUPPORT);
        let text = printed(script(), no_esp);
        assert_eq!(text, "The result of line 7: kernel module esp4 is missing.\n");
    }

    #[test]
    fn an_empty_dump_says_so() {
        let mut printer = Printer::new(Vec::new(), Source::Direct, false);
        printer.outcome(0, Outcome::EndOfSad).unwrap();
        printer.outcome(0, Outcome::EndOfSpd).unwrap();
        assert_eq!(printer.out, b"No SAD entries.\nNo SPD entries.\n");
    }
}
