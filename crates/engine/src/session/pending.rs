//! Operations that are not sent yet.
//!
//! [`Pending`] owns all that a batch needs: its messages, the records of its partial policies, the
//! operations that wait for an answer, and the lock that keeps other writers out. Sending consumes
//! it. So whatever step fails, nothing of it is left: no change that a later batch would carry, no
//! record, no lock.

use xfrm::{Batch, BatchMark, Change};

use super::{refusal::Refusal, target::Target};
use crate::{
    Error,
    state::{
        lock::{Access, Lock},
        store::Record,
    },
};

/// What a batch is sent with: the kernel, and the records beside it.
pub(crate) trait Transmit {
    /// Notes that there are policies with optional tunnels, for later reconciling.
    fn note_optional_tunnels(&mut self) -> Result<(), Error>;
    /// Keeps all these records, or none.
    fn keep(&mut self, records: &[Record]) -> Result<(), Error>;
    /// Sends a batch, empties it, and gives the refusals by position.
    fn send(&mut self, batch: &mut Batch) -> Result<Vec<(usize, xfrm::KernelRefusal)>, Error>;
}

/// Operations in order, from the first that was not sent.
pub(crate) struct Pending {
    batch: Batch,
    waiting: Vec<Waiting>,
    records: Vec<Record>,
    has_optional_tunnels: bool,
    lock: Option<(Access, Lock)>,
    /// How many batches were sent before this one. It shows whether a [`Checkpoint`] is of this batch.
    generation: u64,
}

/// An operation whose result is not known yet.
struct Waiting {
    line: usize,
    result: Awaited,
}

enum Awaited {
    /// That of the next message of the batch.
    Message(Target),
    /// The operation is refused without being sent.
    Refused(Refusal),
}

/// The place before an operation, to go back to if it fails half-way.
#[derive(Clone, Copy)]
pub(crate) struct Checkpoint {
    generation: u64,
    batch: BatchMark,
    waiting: usize,
    records: usize,
}

/// The result of one operation.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The line that was submitted with the operation.
    pub(crate) line: usize,
    /// The sequence number of the change that the kernel accepted, or the reason of the refusal.
    pub(crate) result: Result<u32, Refusal>,
}

impl Pending {
    pub(crate) fn new(batch: Batch) -> Self {
        Self {
            batch,
            waiting: Vec::new(),
            records: Vec::new(),
            has_optional_tunnels: false,
            lock: None,
            generation: 0,
        }
    }

    /// Whether it is time to send.
    pub(crate) fn is_full(&self) -> bool {
        self.batch.is_full()
    }

    pub(crate) fn push(&mut self, line: usize, change: &Change<'_>, target: Target) {
        self.batch.push(change);
        self.waiting.push(Waiting { line, result: Awaited::Message(target) });
    }

    /// Appends an operation that is refused without being sent.
    pub(crate) fn refuse(&mut self, line: usize, refusal: Refusal) {
        self.waiting.push(Waiting { line, result: Awaited::Refused(refusal) });
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    pub(crate) fn note_optional_tunnels(&mut self) {
        self.has_optional_tunnels = true;
    }

    /// Whether other writers are kept out until the batch is sent.
    pub(crate) fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Gives the batch the lock that it needs. It has none: a process that waits for a second lock
    /// while it has a shared one would wait for itself.
    pub(crate) fn lock(&mut self, access: Access, lock: Lock) {
        debug_assert!(self.lock.is_none(), "one lock a batch");
        self.lock = Some((access, lock));
    }

    /// Drops the lock of a batch that turned out to be empty.
    pub(crate) fn unlock_if_empty(&mut self) {
        if self.batch.is_empty() {
            self.lock = None;
        }
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            generation: self.generation,
            batch: self.batch.mark(),
            waiting: self.waiting.len(),
            records: self.records.len(),
        }
    }

    /// Removes what was appended after the checkpoint. If the batch was sent meanwhile, that is all.
    pub(crate) fn roll_back(&mut self, checkpoint: Checkpoint) {
        let Checkpoint { batch, waiting, records, .. } = if checkpoint.generation == self.generation
        {
            checkpoint
        } else {
            Checkpoint { batch: BatchMark::default(), waiting: 0, records: 0, ..checkpoint }
        };
        self.batch.roll_back(batch);
        self.waiting.truncate(waiting);
        self.records.truncate(records);
        self.unlock_if_empty();
    }

    /// Takes everything out, and goes on with an empty batch.
    pub(crate) fn take(&mut self, batch: Batch) -> Self {
        let next = Self { generation: self.generation + 1, ..Self::new(batch) };
        std::mem::replace(self, next)
    }

    /// Uses the buffer of a batch that was sent again.
    pub(crate) fn reuse(&mut self, batch: Batch) {
        if self.batch.is_empty() {
            self.batch = batch;
        }
    }

    /// Keeps the records, sends the batch, drops the lock, and gives the results in order, with the
    /// emptied batch.
    pub(crate) fn send(mut self, transmit: &mut impl Transmit) -> Result<Sent, Error> {
        if self.has_optional_tunnels {
            transmit.note_optional_tunnels()?;
        }
        if !self.records.is_empty() {
            transmit.keep(&self.records)?;
        }
        let first_seq = self.batch.seq_at(0);
        let refused =
            if self.batch.is_empty() { Vec::new() } else { transmit.send(&mut self.batch)? };
        let has_stale_records = !(self.records.is_empty() || refused.is_empty());
        let answered = answers(self.waiting, first_seq, refused);
        Ok(Sent { answered, batch: self.batch, has_stale_records })
    }
}

/// A batch that was sent.
pub(crate) struct Sent {
    /// The results, in the order of the operations.
    pub(crate) answered: Vec<Answered>,
    /// The batch, empty.
    pub(crate) batch: Batch,
    /// Whether records may be of policies that were refused.
    pub(crate) has_stale_records: bool,
}

fn answers(
    waiting: Vec<Waiting>,
    first_seq: u32,
    refused: Vec<(usize, xfrm::KernelRefusal)>,
) -> Vec<Answered> {
    let mut refused = refused.into_iter().peekable();
    let mut positions = 0..;
    let mut result = |awaited| match awaited {
        Awaited::Refused(refusal) => Err(refusal),
        Awaited::Message(target) => {
            let position = positions.next().unwrap_or(usize::MAX);
            match refused.next_if(|(at, _)| *at == position) {
                None => Ok(first_seq.wrapping_add(position.try_into().unwrap_or(u32::MAX))),
                Some((_, xfrm::KernelRefusal { errno, text })) => {
                    Err(Refusal::Kernel { target, errno, text })
                }
            }
        }
    };
    waiting
        .into_iter()
        .map(|waiting| Answered { line: waiting.line, result: result(waiting.result) })
        .collect()
}

#[cfg(test)]
mod tests;
