//! `-f`, `-e` and `-c`: a script, statement by statement.

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use grammar::{Lowered, Script, Statement};
use model::Operation;
use sys::SystemNames;

use crate::{
    StdoutPrinter,
    backend::{self, Backend, Submission},
    error::Error,
    exit_code,
    input::Input,
    options::Command,
    printer,
    printer::Source,
    words::Words,
};

/// Carries out a script to its end, or to its first mistake unless it is interactive.
pub fn run(command: &Command, input: Input) -> Result<ExitCode, Error> {
    let backend = if command.no_action { None } else { Some(backend::open_for_script(command)?) };
    let source = if input.interactive { Source::Interactive } else { Source::Script };
    let source = source(input.name.clone());
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
            self.words.warning(warning, &mut self.printer)?;
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
