//! Requests that wait for the engine's batch.

use std::io;

use engine::{Engine, Outcome, Sink};
use model::Operation;
use pfkey::Message;
use rustix::io::Errno;
use tracing::{debug, warn};

use crate::pfkey::session::SessionId;

/// A request whose answer waits, in order with the others.
pub(super) struct PendingChange {
    pub(super) session: SessionId,
    /// The header of the request.
    pub(super) header: Message,
    pub(super) kind: AnswerKind,
    pub(super) status: Status,
}

/// What is special about the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerKind {
    /// Nothing: all clients get the event of the change.
    Plain,
    /// FLUSH, X_SPDFLUSH: the client gets an answer of its own first, and there may be no event.
    Flush,
    /// X_SPDDELETE2: the policy was named by its index.
    ByIndex,
    /// UPDATE of a mature SA: AF_KEY's message has the state of the request, which it calls dead.
    UpdateOfMature,
}

/// What the engine has reported of a change.
#[derive(Debug, Clone, Copy)]
pub(super) enum Status {
    /// Nothing.
    Waiting,
    /// The kernel has made the change. The events of its first change, and of the last one that it
    /// made necessary, have these sequence numbers.
    Accepted { first: u32, last: u32 },
    /// The kernel or the engine has refused the change.
    Refused(Errno),
    /// AF_KEY would have refused the request by the errno of `send(2)`.
    Rejected(Errno),
}

/// The requests that wait. The line number that the engine has of each is its position.
#[derive(Default)]
pub(super) struct Pending(Vec<PendingChange>);

impl Pending {
    /// Queues a refusal.
    pub(super) fn refuse(&mut self, session: SessionId, header: Message, errno: Errno) {
        self.push(session, header, AnswerKind::Plain, Status::Refused(errno));
    }

    /// Queues a refusal that AF_KEY answers by the errno of `send(2)`.
    pub(super) fn reject(&mut self, session: SessionId, header: Message, errno: Errno) {
        self.push(session, header, AnswerKind::Plain, Status::Rejected(errno));
    }

    /// Submits a change to the engine's batch.
    pub(super) fn submit(
        &mut self,
        engine: &mut Engine,
        (session, header): (SessionId, Message),
        kind: AnswerKind,
        operation: Operation,
    ) {
        let line = self.0.len();
        self.push(session, header, kind, Status::Waiting);
        if let Err(error) = engine.submit(line, Ok(operation), &mut Statuses(&mut self.0)) {
            warn!(%error, "change failed");
            self.refuse_waiting(error.errno());
        }
    }

    /// Has the engine send its batch, and takes the requests, each with a final status.
    /// [`Pending::recycle`] takes the emptied list back.
    pub(super) fn finish(&mut self, engine: &mut Engine) -> Vec<PendingChange> {
        if !self.0.is_empty()
            && let Err(error) = engine.finish(&mut Statuses(&mut self.0))
        {
            warn!(%error, "changes failed");
            self.refuse_waiting(error.errno());
        }
        std::mem::take(&mut self.0)
    }

    /// Refuses the changes without a result: after an error the engine has dropped them.
    fn refuse_waiting(&mut self, errno: Errno) {
        for change in &mut self.0 {
            if let Status::Waiting = change.status {
                change.status = Status::Refused(errno);
            }
        }
    }

    /// Reuses the memory of a list.
    pub(super) fn recycle(&mut self, mut list: Vec<PendingChange>) {
        list.clear();
        self.0 = list;
    }

    fn push(&mut self, session: SessionId, header: Message, kind: AnswerKind, status: Status) {
        self.0.push(PendingChange { session, header, kind, status });
    }
}

/// Takes the engine's results.
struct Statuses<'a>(&'a mut [PendingChange]);

impl Sink for Statuses<'_> {
    fn outcome(&mut self, line: usize, outcome: Outcome) -> io::Result<()> {
        match (self.0.get_mut(line), outcome) {
            // A later refusal is of a change that this one made necessary.
            (
                Some(PendingChange { status: status @ Status::Waiting, .. }),
                Outcome::Refused(refusal),
            ) => {
                debug!(%refusal, "change refused");
                *status = Status::Refused(refusal.errno());
            }
            (_, outcome) => debug!(?outcome, "secondary outcome"),
        }
        Ok(())
    }

    fn accepted(&mut self, line: usize, seq: u32) -> io::Result<()> {
        if let Some(change) = self.0.get_mut(line) {
            change.status = match change.status {
                Status::Accepted { first, .. } => Status::Accepted { first, last: seq },
                _ => Status::Accepted { first: seq, last: seq },
            };
        }
        Ok(())
    }
}
