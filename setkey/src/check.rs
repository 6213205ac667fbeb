//! `--check`: a whole script is read, and everything in it that is wrong is reported. No kernel is asked.

use std::process::ExitCode;

use grammar::{Checker, Script};
use sys::SystemNames;

use crate::{error::Error, input::Input, options::Command, words::Words};

/// Reads a script to its end, or to its hundredth mistake, and reports them; it needs no kernel.
pub fn run(command: &Command, input: Input) -> Result<ExitCode, Error> {
    let mut words = Words::of_check(command, &input);
    let mut script = Script::new(input.reader(None), command.dialect);
    let mut checker = Checker::new(command.forward_copies);
    while let Some(statement) = script.next_statement() {
        words.bytes_read = script.bytes_read();
        let findings = statement.and_then(|statement| {
            let lowered = grammar::lower(&statement, &SystemNames)?;
            Ok(checker.statement(&statement, &lowered))
        });
        match findings {
            Ok(findings) => findings.iter().for_each(|finding| words.finding(finding)),
            Err(error) => {
                words.unreadable(&error)?;
                words.report(&error);
                if error.ends_script() {
                    break;
                }
            }
        }
        if words.has_enough() {
            break;
        }
    }
    Ok(if words.mistakes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
