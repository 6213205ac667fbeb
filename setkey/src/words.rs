//! The words for what is wrong in a script.

use std::{
    fmt,
    io::{self, Write},
};

use cli::{Colors, Diagnostic, json::FindingJson};
use grammar::{Fault, Finding, Place, Warning};
use model::{Dialect, Visible};

use crate::{
    StdoutPrinter,
    error::Error,
    input::ScriptInput,
    options::{CommandLine, Layout},
    print_error,
    printer::Streams,
};

/// After so many mistakes a script is not read on, and so many warnings are printed.
const MOST_REPORTS: usize = 100;

/// Reports end behind the one that makes them longer than so many bytes for each byte of the script, and so many more
/// of any script: the few mistakes of a short one are all reported.
const MOST_BYTES_PER_BYTE: u64 = 10;
const BYTES_OF_REPORTS: u64 = 4 << 10;

/// How mistakes are worded: those of the original where it had its output, ours on standard error.
///
/// The reports are limited, whatever the script: the log that they go to is larger than it by a factor.
pub struct Words {
    /// What messages call the script.
    pub name: String,
    /// Go on after a mistake, and word results without a line (`-c`).
    pub interactive: bool,
    dialect: Dialect,
    colors: Colors,
    streams: Streams,
    /// `--redact`: no token that may be a key.
    redact: bool,
    /// Bytes of the script so far.
    pub bytes_read: u64,
    /// Mistakes so far.
    pub mistakes: usize,
    warnings: usize,
    bytes_reported: u64,
    /// The bytes of reports that any script may have.
    bytes_of_reports: u64,
    /// With `--json`: what would be printed.
    pub json: Option<Vec<FindingJson>>,
}

impl Words {
    /// Those for a script that is carried out. Notes are for people alone.
    pub fn new(command: &CommandLine, input: &ScriptInput) -> Self {
        Self {
            streams: Streams::of(command),
            name: input.name.clone(),
            interactive: input.interactive,
            dialect: command.dialect,
            colors: Colors::of(command.color),
            redact: command.format.redact,
            bytes_read: 0,
            mistakes: 0,
            warnings: 0,
            bytes_reported: 0,
            // A user at a prompt types on after many short mistakes.
            bytes_of_reports: if input.has_prompt() { u64::MAX } else { BYTES_OF_REPORTS },
            json: None,
        }
    }

    /// Those for a script that is checked: its warnings are the result.
    pub fn of_check(command: &CommandLine, input: &ScriptInput) -> Self {
        let words = Self::new(command, input);
        let json = (command.format.layout == Layout::Json).then(Vec::new);
        Self { streams: Streams { notes: true, ..words.streams }, json, ..words }
    }

    /// Reports the mistake that ends a script, in the original's words and in ours.
    pub fn mistake(
        &mut self,
        error: &grammar::Error,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        // An error of the reader is no mistake of the script.
        if let Fault::Unreadable(reason) = error.kind() {
            return Err(self.unreadable(reason));
        }
        // Text without a `;` at the end of standard input: the original drops it in silence.
        let cut_short = self.interactive && error.token().is_empty();
        if let Some(message) = error.message().filter(|_| !cut_short) {
            let token = if self.hides_keys() { error.redacted_token() } else { error.token() };
            self.complain(error.line(), message, token, printer)?;
        }
        if self.streams.both && !self.interactive && !error.is_fatal_lexical() {
            match self.dialect {
                Dialect::NetBsd => {
                    print_error(&format_args!("{},{}: parse failed", self.name, error.line()));
                }
                _ => writeln!(printer.out(), "parse failed, line {}.", error.line())?,
            }
        }
        printer.out().flush()?;
        self.finding(&error.clone().into());
        Ok(())
    }

    /// Whether the original's line has no token that may be a key: NetBSD has it on standard error, where
    /// no key is ever printed.
    fn hides_keys(&self) -> bool {
        self.redact || (self.dialect == Dialect::NetBsd && !self.interactive)
    }

    /// The script cannot be read on.
    pub fn unreadable(&self, reason: &impl fmt::Display) -> Error {
        Error::Read { name: self.name.clone(), reason: reason.to_string() }
    }

    /// Reports what works and should be written otherwise.
    pub fn warning(&mut self, warning: &Warning, printer: &mut StdoutPrinter) -> io::Result<()> {
        if let Some(message) = warning.message() {
            let Place { line, token, redacted_token, .. } = &warning.place;
            let token = if self.hides_keys() { redacted_token } else { token };
            self.complain(*line, message, token, printer)?;
        }
        self.warn(warning);
        Ok(())
    }

    /// The original's line: `line N: MESSAGE at [TOKEN]` (N is 0 for `-c`); NetBSD has another. A token
    /// may contain anything.
    fn complain(
        &self,
        line: usize,
        message: &str,
        token: &str,
        printer: &mut StdoutPrinter,
    ) -> io::Result<()> {
        if !self.streams.both {
            return Ok(());
        }
        let (out, token) = (printer.out(), Visible(token));
        match (self.dialect, self.interactive) {
            (Dialect::NetBsd, true) => write!(out, "{message} at `{token}'"),
            (Dialect::NetBsd, false) => {
                out.flush()?;
                print_error(&format_args!("{},{line}: {message} at `{token}'", self.name));
                Ok(())
            }
            (_, true) => writeln!(out, "line 0: {message} at [{token}]"),
            (_, false) => writeln!(out, "line {line}: {message} at [{token}]"),
        }
    }

    /// Reports what is wrong with a statement in our words.
    pub fn finding(&mut self, finding: &Finding) {
        let name = self.name.clone();
        let diagnostic = Diagnostic::of_finding(&name, finding, self.colors);
        let json = || FindingJson::of_finding(&name, finding);
        if finding.kind.is_failure() {
            self.mistakes += 1;
            self.print(&diagnostic, &json);
        } else {
            self.doubt(&diagnostic, &json);
        }
    }

    /// Reports a warning in our words, to people alone unless the script is checked.
    pub fn warn(&mut self, warning: &Warning) {
        let name = self.name.clone();
        let json = || FindingJson::of_finding(&name, &warning.clone().into());
        self.doubt(&Diagnostic::of_warning(&name, warning, self.colors), &json);
    }

    fn doubt(&mut self, diagnostic: &Diagnostic<'_>, json: &dyn Fn() -> FindingJson) {
        self.warnings += 1;
        if !self.streams.notes || self.is_over(self.warnings) {
            return;
        }
        self.print(diagnostic, json);
        if self.is_over(self.warnings + 1) {
            print_error(&format_args!("{}: further warnings are not printed", self.name));
            self.warnings = MOST_REPORTS;
        }
    }

    fn print(&mut self, report: &dyn fmt::Display, json: &dyn Fn() -> FindingJson) {
        let text = format!("setkey: {report}");
        self.bytes_reported += text.len() as u64;
        if let Some(findings) = &mut self.json {
            findings.push(json());
            return;
        }
        // Without standard error nothing can be reported.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Whether so many reports are too many, or have become too long.
    fn is_over(&self, count: usize) -> bool {
        let of_script = self.bytes_read.saturating_mul(MOST_BYTES_PER_BYTE);
        let most_bytes = self.bytes_of_reports.saturating_add(of_script);
        count > MOST_REPORTS || self.bytes_reported > most_bytes
    }

    /// Whether there were so many mistakes that the script is not read on, which is reported.
    pub fn has_enough(&self) -> bool {
        let is_over = self.mistakes > 0 && self.is_over(self.mistakes + 1);
        if is_over {
            let Self { name, mistakes, .. } = self;
            print_error(&format_args!("{name}: {mistakes} mistakes: the rest is not read"));
        }
        is_over
    }
}
