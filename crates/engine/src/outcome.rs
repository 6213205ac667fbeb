use std::io;

use ipsec::{PolicyEntry, SaEntry, SaId};

use crate::Refusal;

/// What became of an operation. A change that the kernel took has no outcome.
#[derive(Debug)]
pub enum Outcome {
    /// It was refused; others before and after it are not affected.
    Refused(Refusal),
    /// A tunnel for the other IP version has this SA, which is in use for its own version only: it
    /// would have to be deleted and added again.
    NarrowSa(SaId),
    /// An SA of a `get` or `dump`, as the kernel lists them: newest first.
    Sa(Box<SaEntry>),
    /// No further SA.
    EndOfSad,
    /// A policy of a `spddump`, newest first.
    Policy(Box<PolicyEntry>),
    /// No further policy.
    EndOfSpd,
}

/// Takes the results in the order of their statements.
pub trait Sink {
    /// `line` is the one submitted with the operation.
    fn outcome(&mut self, line: usize, outcome: Outcome) -> io::Result<()>;
}

impl<F: FnMut(usize, Outcome) -> io::Result<()>> Sink for F {
    fn outcome(&mut self, line: usize, outcome: Outcome) -> io::Result<()> {
        self(line, outcome)
    }
}
