//! `-f`, `-e` and `-c`: a script, statement by statement.

use std::{
    fmt,
    fs::File,
    io::{self, Cursor, Read, Write},
    path::Path,
    process::ExitCode,
};

use cli::{Colors, Diagnostic};
use grammar::{Kind, Lowered, Place, Script, Statement, Warning};
use model::{Dialect, Operation, Visible};
use sys::SystemNames;

use crate::{
    StdoutPrinter,
    backend::{self, Backend, Submission},
    error::Error,
    exit_code,
    options::Command,
    print_error, printer,
    printer::Source,
};

/// After so many mistakes a script is not read on, and so many warnings are printed.
const MOST_REPORTS: usize = 100;

/// Bytes of reports for each byte of the script, and those that any script may have.
const MOST_BYTES_PER_BYTE: u64 = 10;
const BYTES_OF_REPORTS: u64 = 32 << 10;

/// Where statements come from.
pub struct Input {
    pub(crate) reader: Box<dyn Read>,
    /// What messages call it.
    name: String,
    /// Go on after a mistake, and word results without a line (`-c`).
    interactive: bool,
}

impl Input {
    /// A file, or standard input for `-`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self { interactive: false, ..Self::interactive() });
        }
        let file =
            File::open(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        let name = path.display().to_string();
        Ok(Self { reader: Box::new(file), name, interactive: false })
    }

    /// Standard input, as `-c` reads it.
    pub fn interactive() -> Self {
        let reader = Box::new(io::stdin());
        Self { reader, name: "<stdin>".into(), interactive: true }
    }

    /// A script on the command line.
    pub fn text(text: &str) -> Self {
        let reader = Box::new(Cursor::new(text.to_owned().into_bytes()));
        Self { reader, name: "<argument>".into(), interactive: false }
    }
}

/// Carries out a script to its end, or to its first mistake unless it is interactive.
pub fn run(command: &Command, input: Input) -> Result<ExitCode, Error> {
    let backend = if command.no_action { None } else { Some(backend::open_for_script(command)?) };
    let source =
        if input.interactive { Source::Direct } else { Source::Script(input.name.clone()) };
    let mut run =
        Run { backend, printer: printer(command, source), words: Words::new(command, &input) };
    let ended = run.script(Script::new(input.reader, command.dialect));
    run.finish()?;
    Ok(match ended? {
        Ended::AtTheEnd => exit_code(command, &run.printer),
        Ended::AtAMistake => ExitCode::FAILURE,
    })
}

enum Ended {
    AtTheEnd,
    AtAMistake,
}

struct Run {
    /// None with `-n`.
    backend: Option<Box<dyn Backend>>,
    printer: StdoutPrinter,
    words: Words,
}

impl Run {
    fn script(&mut self, mut script: Script<Box<dyn Read>>) -> Result<Ended, Error> {
        loop {
            if script.is_drained() {
                // An interactive user sees the results before the next statement.
                self.finish()?;
            }
            let Some(statement) = script.next_statement() else { return Ok(Ended::AtTheEnd) };
            self.words.bytes_read = script.bytes_read();
            let lowered = statement.and_then(|statement| {
                let lowered = grammar::lower(&statement, &SystemNames)?;
                Ok((statement, lowered))
            });
            match lowered {
                Ok((statement, lowered)) => self.statement(&statement, lowered)?,
                Err(mistake) => {
                    self.finish()?;
                    self.words.mistake(&mistake, &mut self.printer)?;
                    // The original's lexer ends the process itself, even for `-c`.
                    if !self.words.interactive
                        || mistake.is_fatal_lexical()
                        || self.words.has_enough()
                    {
                        return Ok(Ended::AtAMistake);
                    }
                }
            }
        }
    }

    fn statement(&mut self, statement: &Statement, lowered: Lowered) -> Result<(), Error> {
        for warning in &lowered.warnings {
            if let Some(message) = warning.message() {
                let Place { line, token, redacted_token, .. } = &warning.place;
                let token = if self.words.redact { redacted_token } else { token };
                self.words.complain(*line, message, token, &mut self.printer)?;
            }
            self.words.warn(warning);
        }
        for operation in lowered.operations {
            self.submit(statement, operation)?;
        }
        Ok(())
    }

    fn submit(
        &mut self,
        statement: &Statement,
        operation: Result<Operation, model::Error>,
    ) -> Result<(), Error> {
        let Some(backend) = &mut self.backend else { return Ok(()) };
        let submission = Submission { operation, statement: Some(statement) };
        backend.submit(submission, &mut self.printer)
    }

    /// Prints the results of what was submitted.
    fn finish(&mut self) -> Result<(), Error> {
        if let Some(backend) = &mut self.backend {
            backend.finish(&mut self.printer)?;
        }
        Ok(self.printer.out().flush()?)
    }
}

/// How mistakes are worded: those of the original where it had its output, ours on standard error.
///
/// The reports are limited, whatever the script: the log that they go to is larger than it by a factor.
pub(crate) struct Words {
    name: String,
    interactive: bool,
    dialect: Dialect,
    colors: Colors,
    /// `--redact`: no token that may be a key.
    redact: bool,
    pub(crate) bytes_read: u64,
    pub(crate) mistakes: usize,
    warnings: usize,
    bytes_reported: u64,
}

impl Words {
    pub(crate) fn new(command: &Command, input: &Input) -> Self {
        Self {
            name: input.name.clone(),
            interactive: input.interactive,
            dialect: command.dialect,
            colors: Colors::of(command.color),
            redact: command.format.redact,
            bytes_read: 0,
            mistakes: 0,
            warnings: 0,
            bytes_reported: 0,
        }
    }

    fn mistake(
        &mut self,
        error: &grammar::Error,
        printer: &mut StdoutPrinter,
    ) -> Result<(), Error> {
        self.unreadable(error)?;
        // Text without a `;` at the end of standard input: the original drops it in silence.
        let cut_short = self.interactive && error.token().is_empty();
        if let Some(message) = error.message().filter(|_| !cut_short) {
            let token = if self.redact { error.redacted_token() } else { error.token() };
            self.complain(error.line(), message, token, printer)?;
        }
        if !self.interactive && !error.is_fatal_lexical() {
            match self.dialect {
                Dialect::NetBsd => {
                    print_error(&format_args!("{},{}: parse failed", self.name, error.line()));
                }
                _ => writeln!(printer.out(), "parse failed, line {}.", error.line())?,
            }
        }
        printer.out().flush()?;
        self.report(error);
        Ok(())
    }

    /// An error of the reader is no mistake of the script.
    pub(crate) fn unreadable(&self, error: &grammar::Error) -> Result<(), Error> {
        match error.kind() {
            Kind::Unreadable(reason) => {
                Err(Error::Read { name: self.name.clone(), reason: reason.clone() })
            }
            _ => Ok(()),
        }
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

    pub(crate) fn report(&mut self, error: &grammar::Error) {
        self.mistakes += 1;
        let name = self.name.clone();
        self.print(&Diagnostic::of_error(&name, error, self.colors));
    }

    pub(crate) fn refuse(&mut self, line: usize, refusal: &model::Error) {
        self.mistakes += 1;
        let text = format!("{}:{line}: {refusal}", self.name);
        self.print(&Visible(&text));
    }

    pub(crate) fn warn(&mut self, warning: &Warning) {
        self.warnings += 1;
        if self.is_over(self.warnings) {
            return;
        }
        let name = self.name.clone();
        self.print(&Diagnostic::of_warning(&name, warning, self.colors));
        if self.is_over(self.warnings + 1) {
            print_error(&format_args!("{name}: further warnings are not printed"));
            self.warnings = MOST_REPORTS;
        }
    }

    fn print(&mut self, report: &dyn fmt::Display) {
        let text = format!("setkey: {report}");
        self.bytes_reported += text.len() as u64;
        // Without standard error nothing can be reported.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Whether so many reports are too many, or have become too long.
    fn is_over(&self, count: usize) -> bool {
        let most_bytes = BYTES_OF_REPORTS + self.bytes_read.saturating_mul(MOST_BYTES_PER_BYTE);
        count > MOST_REPORTS || self.bytes_reported > most_bytes
    }

    /// Whether there were so many mistakes that the script is not read on, which is reported.
    pub(crate) fn has_enough(&self) -> bool {
        let is_over = self.mistakes > 0 && self.is_over(self.mistakes + 1);
        if is_over {
            let Self { name, mistakes, .. } = self;
            print_error(&format_args!("{name}: {mistakes} mistakes: the rest is not read"));
        }
        is_over
    }
}
