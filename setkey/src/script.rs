//! `-f` and `-c`: a script, statement by statement.

use std::{
    fs::File,
    io::{self, BufWriter, Read, StdoutLock, Write},
    path::Path,
    process::ExitCode,
};

use engine::Engine;
use grammar::{Kind, Lowered, Script, Statement};
use ipsec::SystemNames;

use crate::{
    error::Error,
    open,
    options::Command,
    printer::{Printer, Source},
    report::Report,
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
}

/// Carries out a script to its end, or to its first mistake unless it is interactive.
pub fn run(command: &Command, input: Input) -> Result<ExitCode, Error> {
    let engine = if command.no_action { None } else { Some(open(command)?) };
    let source =
        if input.interactive { Source::Direct } else { Source::Script(input.name.clone()) };
    let out = BufWriter::new(io::stdout().lock());
    let printer = Printer::new(out, source, command.ports);
    let mut run = Run { engine, printer, name: input.name, interactive: input.interactive };
    let code = run.script(Script::new(input.reader))?;
    run.settle()?;
    Ok(code)
}

struct Run {
    /// None with `-n`.
    engine: Option<Engine>,
    printer: Printer<BufWriter<StdoutLock<'static>>>,
    name: String,
    interactive: bool,
}

impl Run {
    fn script(&mut self, mut script: Script<Box<dyn Read>>) -> Result<ExitCode, Error> {
        loop {
            if script.is_drained() {
                // Whoever is at the other end wants to see results before it goes on.
                self.settle()?;
            }
            let Some(statement) = script.next_statement() else { return Ok(ExitCode::SUCCESS) };
            let lowered = statement.and_then(|statement| {
                let lowered = grammar::lower(&statement, &SystemNames)?;
                Ok((statement, lowered))
            });
            match lowered {
                Ok((statement, lowered)) => self.statement(&statement, lowered)?,
                Err(mistake) => {
                    self.mistake(&mistake)?;
                    // The original's lexer ends the process itself, even for `-c`.
                    if !self.interactive || mistake.is_fatal_lexical() {
                        return Ok(ExitCode::FAILURE);
                    }
                }
            }
        }
    }

    fn statement(&mut self, statement: &Statement, lowered: Lowered) -> Result<(), Error> {
        for warning in &lowered.warnings {
            let place = &warning.place;
            self.complain(place.line, &warning.kind.to_string(), &place.token)?;
            eprintln!("setkey: {}", Report::of_warning(&self.name, warning));
        }
        let Some(engine) = &mut self.engine else { return Ok(()) };
        for operation in lowered.operations {
            engine.submit(statement.line(), operation, &mut self.printer)?;
        }
        Ok(())
    }

    /// Brings out the results of what was submitted.
    fn settle(&mut self) -> Result<(), Error> {
        if let Some(engine) = &mut self.engine {
            engine.flush(&mut self.printer)?;
        }
        Ok(self.printer.out().flush()?)
    }

    /// Says what is wrong: the original's words on standard output, ours on standard error.
    fn mistake(&mut self, error: &grammar::Error) -> Result<(), Error> {
        self.settle()?;
        if let Kind::Unreadable(reason) = error.kind() {
            return Err(Error::Read { name: self.name.clone(), reason: reason.clone() });
        }
        // Text without a `;` at the end of standard input: the original drops it in silence.
        let cut_short = self.interactive && error.token().is_empty();
        if let Some(message) = error.message().filter(|_| !cut_short) {
            self.complain(error.line(), message, error.token())?;
        }
        if !self.interactive && !error.is_fatal_lexical() {
            writeln!(self.printer.out(), "parse failed, line {}.", error.line())?;
        }
        self.printer.out().flush()?;
        eprintln!("setkey: {}", Report::of_error(&self.name, error));
        Ok(())
    }

    /// `line N: MESSAGE at [TOKEN]`; the line is always 0 for `-c`.
    fn complain(&mut self, line: usize, message: &str, token: &str) -> io::Result<()> {
        let line = if self.interactive { 0 } else { line };
        writeln!(self.printer.out(), "line {line}: {message} at [{token}]")
    }
}
