//! `--check`: a whole script is read, and everything in it that is wrong is reported. No kernel is asked.

use std::process::ExitCode;

use grammar::Script;
use sys::SystemNames;

use crate::{error::Error, input::Input, options::Command, words::Words};

/// Reads a script to its end, or to its hundredth mistake, and reports them; it needs no kernel.
pub fn run(command: &Command, input: Input) -> Result<ExitCode, Error> {
    let mut words = Words::of_check(command, &input);
    let mut script = Script::new(input.reader(None), command.dialect);
    while let Some(statement) = script.next_statement() {
        words.bytes_read = script.bytes_read();
        let lowered = statement.and_then(|statement| {
            let line = statement.line();
            Ok((line, grammar::lower(&statement, &SystemNames)?))
        });
        match lowered {
            Ok((line, lowered)) => {
                lowered.warnings.iter().for_each(|warning| words.warn(warning));
                for refusal in lowered.operations.iter().filter_map(|made| made.as_ref().err()) {
                    words.refuse(line, refusal);
                }
            }
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
