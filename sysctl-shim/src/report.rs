//! Standard error.

use std::io::{self, Write};

use model::Dialect;

use crate::error::Error;

/// Writes errors and notes to standard error.
#[derive(Debug)]
pub struct Report {
    /// The name by which this command was called.
    pub program: String,
    /// Whose sysctl this is.
    pub dialect: Dialect,
}

impl Report {
    /// Writes an error, in the words of the dialect.
    pub fn error(&self, error: &Error) {
        self.note(&error.words(self.dialect));
    }

    /// Writes a note, behind what was printed so far.
    pub fn note(&self, text: &str) {
        // A failure is reported by the next write to standard output.
        let _ = io::stdout().flush();
        cli::print_error(&self.program, &text);
    }
}
