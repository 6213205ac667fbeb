//! Standard error.

use model::Dialect;

use crate::error::Error;

/// Says on standard error what goes wrong and what there is to know.
#[derive(Debug)]
pub struct Report {
    /// The name by which this command was called.
    pub program: String,
    /// Whose sysctl this is.
    pub dialect: Dialect,
}

impl Report {
    /// What went wrong.
    pub fn error(&self, error: &Error) {
        self.note(&error.words(self.dialect));
    }

    /// What there is to know.
    pub fn note(&self, text: &str) {
        eprintln!("{}: {text}", self.program);
    }
}
