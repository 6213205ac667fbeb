//! `-f`, `-e` and `-c`: a script, statement by statement.

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use cli::{Second, Signals, end_by};
use grammar::{Lowered, Script, Statement};
use model::Operation;
use sys::SystemNames;

use crate::{
    StdoutPrinter,
    backend::{self, Backend, Submission},
    error::Error,
    exit_code,
    input::ScriptInput,
    ledger::StatementId,
    options::CommandLine,
    print_error, printer,
    printer::ResultSource,
    words::Words,
};

/// Carries out a script to its end, or to its first mistake unless it is interactive, or to a signal.
pub fn run(command: &CommandLine, input: ScriptInput) -> Result<ExitCode, Error> {
    let backend = if command.no_action { None } else { Some(backend::open_for_script(command)?) };
    let is_caught = backend.is_some() && !input.has_prompt();
    let signals = is_caught.then(|| Signals::catch(Second::EndsAtOnce)).transpose()?;
    let source = if input.interactive { ResultSource::Interactive } else { ResultSource::Script };
    let mut run = Run {
        backend,
        printer: printer(command, source(input.name.clone()))?,
        words: Words::new(command, &input),
        signals,
        statement: StatementId::NONE,
    };
    let reader = input.reader(run.signals.as_ref());
    let ended = run.script(Script::new(reader, command.dialect));
    let finished = run.finish();
    match ended.and_then(|ended| finished.map(|()| ended)) {
        Ok(Ended::AtTheEnd) => {
            run.report_mistakes();
            Ok(exit_code(command, &run.printer))
        }
        Ok(Ended::AtAMistake) => {
            run.report_early_end(false);
            Ok(ExitCode::FAILURE)
        }
        Ok(Ended::BySignal(signal)) => {
            run.report_early_end(false);
            Err(end_by(signal).into())
        }
        Err(error) => {
            if !error.is_broken_pipe() {
                print_error(&error);
            }
            run.report_early_end(error.leaves_doubt());
            Ok(error.exit_code(command.dialect))
        }
    }
}

enum Ended {
    AtTheEnd,
    AtAMistake,
    BySignal(i32),
}

struct Run {
    /// None with `-n`.
    backend: Option<Box<dyn Backend>>,
    printer: StdoutPrinter,
    words: Words,
    /// None if the script is not reported on: with `-n`, and at a prompt.
    signals: Option<Signals>,
    /// The statement at hand.
    statement: StatementId,
}

impl Run {
    fn script(&mut self, mut script: Script<Box<dyn Read>>) -> Result<Ended, Error> {
        loop {
            if script.is_drained() {
                // An interactive user sees the results before the next statement.
                self.finish()?;
            }
            let next = script.next_lowered(&SystemNames);
            if let Some(signal) = self.signals.as_ref().and_then(Signals::received) {
                return Ok(Ended::BySignal(signal));
            }
            let Some(next) = next else { return Ok(Ended::AtTheEnd) };
            self.words.bytes_read = script.bytes_read();
            match next {
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
        self.statement = self.statement.after(statement.line());
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
        self.printer.ledger.submitted(self.statement, &operation);
        let submission = Submission { operation, statement: Some((self.statement, statement)) };
        backend.submit(submission, &mut self.printer)
    }

    /// Prints the results of what was submitted.
    fn finish(&mut self) -> Result<(), Error> {
        if let Some(backend) = &mut self.backend {
            backend.finish(&mut self.printer)?;
        }
        Ok(self.printer.out().flush()?)
    }

    /// Reports what of a script that ended early is in force.
    fn report_early_end(&self, are_unknown: bool) {
        if self.backend.is_some() {
            self.report_in_force("ended early", are_unknown);
        }
    }

    /// Reports what is in force of statements that were read to their end though some are wrong (`-c`). At a
    /// prompt each result was seen.
    fn report_mistakes(&self) {
        match self.words.mistakes {
            0 => {}
            _ if self.signals.is_none() => {}
            1 => self.report_in_force("1 statement is wrong", false),
            mistakes => self.report_in_force(&format!("{mistakes} statements are wrong"), false),
        }
    }

    fn report_in_force(&self, end: &str, are_unknown: bool) {
        let (name, summary) = (&self.words.name, self.printer.ledger.summary(are_unknown));
        print_error(&format_args!("{name}: {end}: {summary}"));
    }
}
