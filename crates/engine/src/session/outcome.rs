use std::io;

use model::{SaEntry, SaId};

use crate::{Refusal, policy::entry::Requested};

/// What became of an operation. A change that the kernel took has no outcome.
#[derive(Debug)]
pub enum Outcome {
    /// It was refused; others before and after it are not affected.
    Refused(Refusal),
    /// A tunnel cannot use this SA, which carries other packets already: it would have to be
    /// deleted and added again.
    UnfitSa(SaId),
    /// The kernel took an SA but passed over these of its options, which it is too old for.
    Ignored(Vec<String>),
    /// A policy is partial while no SA serves a template, and no daemon keeps it up to date.
    NeedsDaemon,
    /// The larval SA of a `getspi`.
    Reserved(Box<SaEntry>),
    /// An SA of a `get` or `dump`, as the kernel lists them: newest first.
    Sa(Box<SaEntry>),
    /// No further SA.
    EndOfSad,
    /// A policy of a `spddump`, newest first.
    Policy(Box<Requested>),
    /// No further policy.
    EndOfSpd,
}

/// Takes the results in the order of their statements.
pub trait Sink {
    /// `line` is the one submitted with the operation.
    fn outcome(&mut self, line: usize, outcome: Outcome) -> io::Result<()>;

    /// The kernel took a change of this line. Its event, which a monitor has by now, carries
    /// [`crate::Engine::port`] and this sequence number ([`model::Origin`]). A line's own change
    /// comes before those that it makes necessary elsewhere.
    fn accepted(&mut self, _line: usize, _seq: u32) -> io::Result<()> {
        Ok(())
    }
}

impl<F: FnMut(usize, Outcome) -> io::Result<()>> Sink for F {
    fn outcome(&mut self, line: usize, outcome: Outcome) -> io::Result<()> {
        self(line, outcome)
    }
}
