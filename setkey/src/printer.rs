//! Results on standard output, as the original has them, and the explanations on standard error.

use std::{
    fmt,
    io::{self, IsTerminal, Write, stderr, stdout},
};

use cli::script::Incomplete;
use engine::{Outcome, Refusal, Sink, Target};
use model::Dialect;
use pfkey::Message;
use rustix::io::Errno;
use sys::errno_text;

use crate::{
    dump::{DumpEntry, Entries, HEADER},
    ledger::{Ledger, StatementId},
    options::{CommandLine, Database},
    print_error,
};

/// Where a result comes from, which decides how it is worded.
#[derive(Debug, Clone)]
pub enum ResultSource {
    /// A script of this name: results name their line.
    Script(String),
    /// Standard input of this name (`-c`): only explanations name the line.
    Interactive(String),
    /// An option: no line.
    Option,
}

/// What else is printed than what ipsec-tools printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    /// Notes on statements that succeed. Programs that start setkey take any output for a failure.
    pub notes: bool,
    /// Results that standard error explains are on standard output too. On a terminal they are not.
    pub both: bool,
}

impl Streams {
    /// What the command line and the terminals are for.
    pub fn of(command: &CommandLine) -> Self {
        let has_terminal = stderr().is_terminal();
        Self {
            notes: command.verbose || has_terminal,
            both: !(has_terminal && stdout().is_terminal()),
        }
    }
}

/// Prints results in the order they come.
pub struct Printer<W: Write> {
    out: W,
    source: ResultSource,
    dialect: Dialect,
    streams: Streams,
    entries: Entries,
    /// What of the script is in force.
    pub ledger: Ledger,
    /// The last refusal, and its line.
    refused: Option<(usize, Refusal)>,
}

impl<W: Write> Printer<W> {
    /// Prints to `out`.
    pub fn new(out: W, source: ResultSource, command: &CommandLine) -> Self {
        Self {
            out,
            source,
            dialect: command.dialect,
            streams: Streams::of(command),
            entries: Entries::new(command),
            ledger: Ledger::default(),
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

    /// What loading the script that was printed does not restore.
    pub fn incomplete(&self) -> Incomplete {
        self.entries.incomplete()
    }

    /// The line above a dump in a loop.
    pub fn header(&mut self) -> io::Result<()> {
        writeln!(self.out, "{HEADER}")
    }

    /// Takes the next entry, with the PF_KEY message that it came in, if it came so.
    pub fn entry(&mut self, entry: DumpEntry, message: Option<Message>) -> io::Result<()> {
        self.entries.take(&mut self.out, entry, message)
    }

    fn end(&mut self, line: usize, database: Database, empty: &str) -> io::Result<()> {
        let is_empty = self.entries.end(&mut self.out, database)?;
        if is_empty { self.write_result(line, empty) } else { Ok(()) }
    }

    fn write_result(&mut self, line: usize, text: &str) -> io::Result<()> {
        match (&self.source, self.dialect) {
            // NetBSD prints it on standard error, with the file.
            (ResultSource::Script(name), Dialect::NetBsd) => {
                self.out.flush()?;
                print_error(&format_args!("{name},{line}: {text}"));
                Ok(())
            }
            (ResultSource::Script(_), _) => {
                writeln!(self.out, "The result of line {line}: {text}.")
            }
            (ResultSource::Interactive(_) | ResultSource::Option, _) => {
                writeln!(self.out, "{text}.")
            }
        }
    }

    /// Reports a refusal. That of a forward copy which only repeats that of its policy is explained
    /// once, and printed once in the BSDs, whose policies have no `fwd` copy.
    fn refused(&mut self, line: usize, refusal: Refusal) -> io::Result<()> {
        let is_repeated = self
            .refused
            .as_ref()
            .is_some_and(|(at, original)| *at == line && refusal.repeats(original));
        if self.streams.both && !(is_repeated && self.dialect.is_bsd()) {
            self.write_result(line, &original_words(&refusal))?;
        }
        if !is_repeated {
            self.explain(line, &refusal)?;
        }
        self.refused = Some((line, refusal));
        Ok(())
    }

    /// The explanation that the original does not have, on standard error.
    fn explain(&mut self, line: usize, why: &dyn fmt::Display) -> io::Result<()> {
        self.out.flush()?;
        match &self.source {
            ResultSource::Script(name) | ResultSource::Interactive(name) => {
                print_error(&format_args!("{name}:{line}: {why}"));
            }
            ResultSource::Option => print_error(why),
        }
        Ok(())
    }

    /// Explains what came of a statement that succeeded, to people alone.
    fn note(&mut self, line: usize, note: &dyn fmt::Display) -> io::Result<()> {
        if self.streams.notes { self.explain(line, note) } else { Ok(()) }
    }
}

impl<W: Write> Sink for Printer<W> {
    fn accepted(&mut self, number: usize, _seq: u32) -> io::Result<()> {
        self.ledger.accepted(StatementId::of_number(number));
        Ok(())
    }

    fn outcome(&mut self, number: usize, outcome: Outcome) -> io::Result<()> {
        let statement = StatementId::of_number(number);
        let line = statement.line();
        match outcome {
            Outcome::Refused(refusal) => {
                self.ledger.refused(statement);
                self.refused(line, refusal)
            }
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
            Outcome::NeedsDaemon => self.note(
                line,
                &"`use` on an outbound tunnel was applied for the current SAs only: run ipsecd to \
                  keep it up to date",
            ),
            Outcome::Sa(entry) => self.entry(DumpEntry::Sa(entry), None),
            Outcome::Policy(requested) => {
                let engine::Requested(entry) = *requested;
                self.entry(DumpEntry::Policy(Box::new(entry), None), None)
            }
            Outcome::Reserved(entry) => {
                self.ledger.accepted(statement);
                self.entries.reserved(&mut self.out, &entry)
            }
            Outcome::EndOfSad => self.end(line, Database::Sad, "No SAD entries"),
            Outcome::EndOfSpd => self.end(line, Database::Spd, "No SPD entries"),
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
        Refusal::Kernel { target, errno: Errno::NOENT, .. }
            if matches!(target.of_original(), Target::Policy(..)) =>
        {
            "No entry".into()
        }
        _ => errno_text(refusal.errno()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::options;

    fn printer(source: ResultSource) -> Printer<Vec<u8>> {
        let words = ["setkey", "-n", "-c"].map(OsString::from);
        Printer::new(Vec::new(), source, &options::parse(words).unwrap())
    }

    fn printed(source: ResultSource, refusal: Refusal) -> String {
        let mut printer = printer(source);
        printer.outcome(number(7), Outcome::Refused(refusal)).unwrap();
        assert!(printer.has_refused());
        String::from_utf8(printer.out).unwrap()
    }

    fn number(line: usize) -> usize {
        StatementId::NONE.after(line).number()
    }

    fn policy() -> Target {
        let all = model::Selector::within(model::Prefix::host([192, 0, 2, 1].into()));
        Target::policy(&model::PolicyId::new(all, model::Direction::In))
    }

    fn kernel(target: Target, errno: Errno) -> Refusal {
        Refusal::Kernel { target, errno, text: None }
    }

    #[test]
    fn a_script_names_its_line() {
        let script = || ResultSource::Script("x.conf".into());
        let exists = kernel(Target::NewPolicy(vec![]), Errno::EXIST);
        assert_eq!(printed(script(), exists.clone()), "The result of line 7: File exists.\n");
        assert_eq!(printed(ResultSource::Option, exists), "File exists.\n");
        let gone = kernel(policy(), Errno::NOENT);
        assert_eq!(printed(script(), gone), "The result of line 7: No entry.\n");
        let ends = model::AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let esp = Box::new(model::Sa::bare(ends, model::Proto::Esp, model::Spi(0x1000)));
        let esp = Target::of(&model::Operation::AddSa(esp));
        let no_esp = kernel(esp, Errno::PROTONOSUPPORT);
        let text = printed(script(), no_esp);
        assert_eq!(text, "The result of line 7: kernel module esp4 is missing.\n");
    }

    #[test]
    fn a_forward_copy_repeats_the_result_and_a_bsd_has_none() {
        let gone = |target| Outcome::Refused(kernel(target, Errno::NOENT));
        for (dialect, lines) in [(Dialect::Linux, 3), (Dialect::FreeBsd, 2)] {
            let mut printer = Printer { dialect, ..printer(ResultSource::Script("x".into())) };
            printer.outcome(number(7), gone(policy())).unwrap();
            printer.outcome(number(7), gone(policy().of_copy())).unwrap();
            printer.outcome(number(8), gone(policy().of_copy())).unwrap();
            assert_eq!(String::from_utf8(printer.out).unwrap().lines().count(), lines);
        }
    }

    #[test]
    fn on_a_terminal_standard_error_is_enough() {
        let streams = Streams { notes: true, both: false };
        let mut printer = Printer { streams, ..printer(ResultSource::Option) };
        printer.outcome(0, Outcome::Refused(kernel(policy(), Errno::NOENT))).unwrap();
        assert_eq!(printer.out, b"");
    }

    #[test]
    fn an_empty_dump_has_a_result() {
        let mut printer = printer(ResultSource::Option);
        printer.outcome(0, Outcome::EndOfSad).unwrap();
        printer.outcome(0, Outcome::EndOfSpd).unwrap();
        assert_eq!(printer.out, b"No SAD entries.\nNo SPD entries.\n");
    }
}
