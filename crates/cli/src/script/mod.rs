//! SAs and policies of the kernel as the statements that add them: what `setkey --script`, `ipsecctl export` and
//! `ipsecctl import` print.

mod policy;
mod sa;

use std::io::{self, Write};

pub use policy::PolicyScript;
pub use sa::SaScript;

/// What becomes of an entry when the script is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// A statement adds it, without what a comment names.
    Added,
    /// A statement adds an SA, which is given flags besides.
    Flagged,
    /// It is a comment: no statement adds it.
    Comment,
}

/// What loading a script does not restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Incomplete {
    /// The entries that no statement adds.
    pub comments: usize,
    /// The SAs that are given flags.
    pub flagged: usize,
}

impl Incomplete {
    /// Counts an entry.
    pub fn count(&mut self, reloaded: Reloaded) {
        match reloaded {
            Reloaded::Added => {}
            Reloaded::Flagged => self.flagged += 1,
            Reloaded::Comment => self.comments += 1,
        }
    }

    /// What is reported: a line each.
    #[must_use]
    pub fn reports(&self) -> Vec<String> {
        let report = |count, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        let comments = report(
            self.comments,
            "entry is a comment of the script: it is not added again",
            "entries are comments of the script: they are not added again",
        );
        let flagged = report(
            self.flagged,
            "SA is given a flag when the script is loaded: a comment names it",
            "SAs are given flags when the script is loaded: comments name them",
        );
        comments.into_iter().chain(flagged).collect()
    }
}

/// What becomes of the sequence numbers of SAs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SequenceNumbers {
    /// A new SA begins with the first.
    #[default]
    Left,
    /// An SA goes on with those of the dump.
    Written,
}

/// Writes a statement, or a comment if no load adds what it is for. What it lacks is in a comment before it.
fn write_statement(
    out: &mut impl Write,
    text: &str,
    lost: &[String],
    is_loadable: bool,
) -> io::Result<()> {
    if !lost.is_empty() {
        writeln!(out, "# without: {}", lost.join(", "))?;
    }
    writeln!(out, "{}{text}", if is_loadable { "" } else { "# " })
}
