//! What the output has, and what the format cannot express: a comment in the output, a message, and the exit status.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use cli::{json::TransferJson, print_error, script::Incomplete};
use engine::{Loss, Transfer};

use super::INCOMPLETE;
use crate::save;

/// So many are reported one by one.
const MOST: usize = 20;

/// What was written and lost until now.
#[derive(Debug, Default)]
pub struct Losses {
    /// Entries that the output has, and those that it does not have.
    pub entries: Transfer,
    /// What is in force besides.
    notes: Vec<String>,
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
        writeln!(out, "# not here: {entry}: {why}")?;
        self.report(&format_args!("not exported: {entry}: {why}"));
        let (entry, reason) = (entry.to_string(), why.to_string());
        self.entries.omitted.push(Loss { entry, reason });
        Ok(())
    }

    /// Reports an entry that the output adds with another value; a comment of its format names it.
    pub fn altered(&mut self, entry: impl Display, how: impl Display) {
        self.report(&format_args!("not exported as it is: {entry}: {how}"));
        let (entry, reason) = (entry.to_string(), how.to_string());
        self.entries.omitted.push(Loss { entry, reason });
    }

    /// Takes what a script has, and reports what loading it does not restore.
    pub fn of_script(&mut self, written: Transfer, incomplete: &Incomplete) {
        for report in incomplete.reports() {
            self.report(&report);
        }
        self.entries.sas += written.sas;
        self.entries.policies += written.policies;
        self.entries.omitted.extend(written.omitted);
    }

    /// Writes a comment about what is in force besides, and reports it.
    pub fn note(&mut self, out: &mut dyn Write, what: impl Display) -> io::Result<()> {
        writeln!(out, "# {what}")?;
        self.report(&what);
        self.notes.push(what.to_string());
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

    /// The same as JSON.
    pub fn json(&self) -> TransferJson {
        TransferJson { notes: self.notes.clone(), ..save::json(&self.entries, None) }
    }

    /// The exit status.
    pub fn exit_code(&self) -> ExitCode {
        let is_complete = self.entries.omitted.is_empty() && self.notes.is_empty();
        if is_complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) }
    }
}
