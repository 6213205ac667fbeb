//! `-f`, `-e` and `-c`: a script, statement by statement.

use std::{
    fs::File,
    io::{self, Cursor, Read, Write},
    path::Path,
    process::ExitCode,
};

use cli::{Colors, Diagnostic};
use grammar::{Kind, Lowered, Script, Statement, Warning};
use model::{Dialect, Operation};
use sys::SystemNames;

use crate::{
    StdoutPrinter,
    backend::{self, Backend, Submission},
    error::Error,
    exit_code,
    options::Command,
    printer,
    printer::Source,
};

/// Where statements come from.
pub struct Input {
    reader: Box<dyn Read>,
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

/// Reads a script to its end and reports all mistakes; it needs no kernel.
pub fn check(command: &Command, input: Input) -> Result<ExitCode, Error> {
    let words = Words::new(command, &input);
    let mut mistakes = 0;
    let mut script = Script::new(input.reader, command.dialect);
    while let Some(statement) = script.next_statement() {
        let lowered = statement.and_then(|statement| {
            let line = statement.line();
            Ok((line, grammar::lower(&statement, &SystemNames)?))
        });
        match lowered {
            Ok((line, lowered)) => {
                lowered.warnings.iter().for_each(|warning| words.warn(warning));
                for refusal in lowered.operations.iter().filter_map(|made| made.as_ref().err()) {
                    eprintln!("setkey: {}:{line}: {refusal}", words.name);
                    mistakes += 1;
                }
            }
            Err(error) => {
                words.unreadable(&error)?;
                words.report(&error);
                mistakes += 1;
            }
        }
    }
    Ok(if mistakes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
                    if !self.words.interactive || mistake.is_fatal_lexical() {
                        return Ok(Ended::AtAMistake);
                    }
                }
            }
        }
    }

    fn statement(&mut self, statement: &Statement, lowered: Lowered) -> Result<(), Error> {
        for warning in &lowered.warnings {
            if let Some(message) = warning.message() {
                let place = &warning.place;
                self.words.complain(place.line, message, &place.token, &mut self.printer)?;
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
struct Words {
    name: String,
    interactive: bool,
    dialect: Dialect,
    colors: Colors,
}

impl Words {
    fn new(command: &Command, input: &Input) -> Self {
        Self {
            name: input.name.clone(),
            interactive: input.interactive,
            dialect: command.dialect,
            colors: Colors::of(command.color),
        }
    }

    fn mistake(&self, error: &grammar::Error, printer: &mut StdoutPrinter) -> Result<(), Error> {
        self.unreadable(error)?;
        // Text without a `;` at the end of standard input: the original drops it in silence.
        let cut_short = self.interactive && error.token().is_empty();
        if let Some(message) = error.message().filter(|_| !cut_short) {
            self.complain(error.line(), message, error.token(), printer)?;
        }
        if !self.interactive && !error.is_fatal_lexical() {
            match self.dialect {
                Dialect::NetBsd => {
                    eprintln!("setkey: {},{}: parse failed", self.name, error.line());
                }
                _ => writeln!(printer.out(), "parse failed, line {}.", error.line())?,
            }
        }
        printer.out().flush()?;
        self.report(error);
        Ok(())
    }

    /// An error of the reader is no mistake of the script.
    fn unreadable(&self, error: &grammar::Error) -> Result<(), Error> {
        match error.kind() {
            Kind::Unreadable(reason) => {
                Err(Error::Read { name: self.name.clone(), reason: reason.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The original's line: `line N: MESSAGE at [TOKEN]` (N is 0 for `-c`); NetBSD has another.
    fn complain(
        &self,
        line: usize,
        message: &str,
        token: &str,
        printer: &mut StdoutPrinter,
    ) -> io::Result<()> {
        let out = printer.out();
        match (self.dialect, self.interactive) {
            (Dialect::NetBsd, true) => write!(out, "{message} at `{token}'"),
            (Dialect::NetBsd, false) => {
                out.flush()?;
                eprintln!("setkey: {},{line}: {message} at `{token}'", self.name);
                Ok(())
            }
            (_, true) => writeln!(out, "line 0: {message} at [{token}]"),
            (_, false) => writeln!(out, "line {line}: {message} at [{token}]"),
        }
    }

    fn report(&self, error: &grammar::Error) {
        eprintln!("setkey: {}", Diagnostic::of_error(&self.name, error, self.colors));
    }

    fn warn(&self, warning: &Warning) {
        eprintln!("setkey: {}", Diagnostic::of_warning(&self.name, warning, self.colors));
    }
}
