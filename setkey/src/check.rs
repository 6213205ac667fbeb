//! `--check`: a whole script is read, and everything in it that is wrong is reported. No kernel is asked.

use std::{io, process::ExitCode};

use cli::json::Document;
use grammar::{CheckedScript, CheckedStatement, Checker, Script, Statement};
use model::Operation;
use sys::{SystemNames, bounded::Bounded};

use crate::{
    error::Error,
    input::ScriptInput,
    options::{CommandLine, Task},
    print_error,
    words::Words,
};

/// The most bytes of a script that is checked: what its statements leave is in memory.
const MOST: u64 = 64 << 20;

/// Reads a script to its end, or to its hundredth mistake, and reports them; it needs no kernel.
pub fn run(command: &CommandLine, input: ScriptInput) -> Result<ExitCode, Error> {
    for path in &command.unread {
        print_error(&format_args!("{}: not read: the last -f counts", path.display()));
    }
    let mut words = Words::of_check(command, &input);
    read(command, input, &mut words, |_, _| ())?;
    if let Some(findings) = words.json.take() {
        Document { findings: Some(findings), ..Document::default() }.write(io::stdout().lock())?;
    }
    Ok(if words.mistakes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads a script as [`run`] does, and gives each statement with its operations; those that a rule refuses are
/// mistakes.
pub fn read(
    command: &CommandLine,
    input: ScriptInput,
    words: &mut Words,
    mut take: impl FnMut(Statement, Vec<Operation>),
) -> Result<(), Error> {
    let text = Bounded::new(input.reader(None), MOST);
    let (script, checker) =
        (Script::new(text, command.dialect), Checker::new(command.forward_copies).comparing());
    let mut script = CheckedScript::new(script, checker, &SystemNames);
    if matches!(command.mode, Task::Check(_)) {
        script = script.read_whole();
    }
    while let Some(CheckedStatement { lowered, findings }) =
        script.next_statement().map_err(|error| words.unreadable(&error))?
    {
        words.bytes_read = script.bytes_read();
        for finding in &findings {
            words.finding(finding);
        }
        if let Some((statement, lowered)) = lowered {
            take(statement, lowered.operations.into_iter().flatten().collect());
        }
        if words.has_enough() {
            break;
        }
    }
    Ok(())
}
