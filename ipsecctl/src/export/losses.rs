//! What a format cannot express: a comment in the output, a message, and the exit status.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use cli::print_error;

use super::INCOMPLETE;

/// So many are reported one by one.
const MOST: usize = 20;

/// What was lost until now.
#[derive(Debug, Default)]
pub struct Losses {
    /// Entries that the output does not have.
    entries: usize,
    reported: usize,
}

impl Losses {
    /// Writes the comment that an entry is not in the output, with the reason, and reports it.
    pub fn entry(
        &mut self,
        out: &mut dyn Write,
        entry: impl Display,
        why: impl Display,
    ) -> io::Result<()> {
        self.entries += 1;
        writeln!(out, "# not here: {entry}: {why}")?;
        self.report(&format_args!("not exported: {entry}: {why}"));
        Ok(())
    }

    /// Counts entries that are comments of their own.
    pub fn comments(&mut self, count: usize) {
        self.entries += count;
        match count {
            0 => {}
            1 => self.report(&"1 entry is a comment: no statement adds it"),
            _ => self.report(&format_args!("{count} entries are comments: no statement adds them")),
        }
    }

    /// Writes a comment about what is in force besides, and reports it.
    pub fn note(&mut self, out: &mut dyn Write, what: impl Display) -> io::Result<()> {
        writeln!(out, "# {what}")?;
        self.report(&what);
        Ok(())
    }

    fn report(&mut self, what: &dyn Display) {
        self.reported += 1;
        match self.reported {
            ..=MOST => print_error("ipsecctl", &format_args!("{what}")),
            reported if reported == MOST + 1 => {
                print_error("ipsecctl", &"more is in the comments of the output");
            }
            _ => {}
        }
    }

    /// The exit status.
    pub fn exit_code(&self) -> ExitCode {
        if self.entries == 0 { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) }
    }
}
