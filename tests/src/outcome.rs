//! What a program left behind.

use std::{
    io::{Seek, Write},
    process::{Command, Output},
};

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
    /// That of a program that succeeded and printed nothing.
    pub const SILENCE: Self = Self { status: 0, stdout: String::new(), stderr: String::new() };

    /// Runs `command` to its end.
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self::from(output)
    }

    /// Runs `command` to its end, with this text as its standard input.
    pub fn with_input(command: &mut Command, text: &str) -> Self {
        // Not a pipe: the program may end before it has read all.
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("a temporary file");
        file.rewind().expect("a temporary file");
        Self::of(command.stdin(file))
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
