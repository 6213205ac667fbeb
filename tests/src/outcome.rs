//! What a program left behind.

use std::process::{Command, Output};

/// Exit status and output of a program that has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Exit status; -1 for death by a signal.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Runs `command` to its end.
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self::from(output)
    }

    /// Runs `command`, which must succeed, and returns what it printed.
    pub fn success(command: &mut Command) -> String {
        let outcome = Self::of(command);
        assert!(outcome.status == 0, "{command:?}: {outcome:#?}");
        outcome.stdout
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
