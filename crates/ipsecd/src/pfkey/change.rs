use std::io;

use engine::{Outcome, Sink};
use model::{Event, Operation};
use pfkey::Message;
use rustix::io::Errno;
use tracing::{debug, warn};

use super::{broadcast::Audience, client::ClientId, server::Server};

/// A request that waits for its answer in its place among the others.
pub(super) struct Change {
    pub(super) client: ClientId,
    /// The request's header.
    pub(super) header: Message,
    pub(super) kind: Kind,
    fate: Fate,
}

/// What is special about the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: all hear the change.
    Plain,
    /// The asking socket gets an answer of its own first, and there may be nothing else to hear.
    Flush,
    /// The policy was named by its index.
    ByIndex,
    /// The SA was mature already: what AF_KEY tells of it is the request's, which it calls dead.
    UpdateOfMature,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    /// The kernel has not said.
    Open,
    /// Its first change, and the last one that it made necessary, by sequence number.
    Taken {
        first: u32,
        last: u32,
    },
    Refused(Errno),
    /// Not even a request.
    NotTaken(Errno),
}

/// Notes what became of the waiting requests, whose places are the engine's lines.
struct Fates<'a>(&'a mut [Change]);

impl Sink for Fates<'_> {
    fn outcome(&mut self, line: usize, outcome: Outcome) -> io::Result<()> {
        match (self.0.get_mut(line), outcome) {
            // What the change itself met with, not what it made necessary elsewhere.
            (Some(Change { fate: fate @ Fate::Open, .. }), Outcome::Refused(refusal)) => {
                debug!(%refusal, "refused");
                *fate = Fate::Refused(refusal.errno());
            }
            (_, outcome) => debug!(?outcome, "beside a change"),
        }
        Ok(())
    }

    fn taken(&mut self, line: usize, seq: u32) -> io::Result<()> {
        if let Some(change) = self.0.get_mut(line) {
            change.fate = match change.fate {
                Fate::Taken { first, .. } => Fate::Taken { first, last: seq },
                _ => Fate::Taken { first: seq, last: seq },
            };
        }
        Ok(())
    }
}

impl Server {
    /// Has a refusal wait for its turn.
    pub(super) fn refuse(&mut self, client: ClientId, header: Message, errno: Errno) {
        let fate = Fate::Refused(errno);
        self.changes.push(Change { client, header, kind: Kind::Plain, fate });
    }

    /// As [`Server::refuse`], of what AF_KEY does not take from `send(2)`.
    pub(super) fn refuse_to_take(&mut self, client: ClientId, header: Message, errno: Errno) {
        let fate = Fate::NotTaken(errno);
        self.changes.push(Change { client, header, kind: Kind::Plain, fate });
    }

    /// Has a change wait for its turn, with others in one batch.
    pub(super) fn change(
        &mut self,
        client: ClientId,
        header: Message,
        kind: Kind,
        operation: Operation,
    ) {
        let line = self.changes.len();
        self.changes.push(Change { client, header, kind, fate: Fate::Open });
        let submitted = self.engine.submit(line, Ok(operation), &mut Fates(&mut self.changes));
        if let Err(error) = submitted {
            warn!(%error, "a change failed");
            self.refuse_open(error.errno());
        }
    }

    /// Has the waiting changes made, and answers them in order, with what else was heard.
    pub(super) fn settle(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        if let Err(error) = self.engine.finish(&mut Fates(&mut self.changes)) {
            warn!(%error, "changes failed");
            self.refuse_open(error.errno());
        }
        let mut changes = std::mem::take(&mut self.changes);
        for change in changes.drain(..) {
            self.conclude(&change);
        }
        // The room stays.
        self.changes = changes;
        self.hear(0);
    }

    /// Refuses the changes without a result: after an error the engine has none of them any more.
    fn refuse_open(&mut self, errno: Errno) {
        for change in &mut self.changes {
            if let Fate::Open = change.fate {
                change.fate = Fate::Refused(errno);
            }
        }
    }

    fn conclude(&mut self, change: &Change) {
        match change.fate {
            Fate::Refused(errno) => self.answer(change.client, &change.header.refusal(errno)),
            Fate::NotTaken(errno) => {
                let (refusal, client) = (change.header.refusal(errno), change.client);
                self.clients.send(&refusal, Audience::Only(client), Some(client));
            }
            Fate::Open => self.answer(change.client, &change.header.refusal(Errno::NOBUFS)),
            Fate::Taken { first, last } => {
                if change.kind == Kind::Flush {
                    self.answer(change.client, &Message { errno: 0, ..change.header.clone() });
                }
                let heard = self.hear_until(change, first, last);
                if !heard && change.kind != Kind::Flush {
                    warn!("the event of a change was lost: its answer is a header");
                    self.answer(change.client, &Message { errno: 0, ..change.header.clone() });
                }
            }
        }
    }

    /// Passes on what the kernel says up to the last event of a change; whether the first was there.
    fn hear_until(&mut self, change: &Change, first: u32, last: u32) -> bool {
        let mut heard = false;
        while let Some(event) = self.next_event() {
            let origin = event.origin().filter(|it| it.pid == self.engine.port());
            let seq = origin.map(|origin| origin.seq);
            let author = (seq == Some(first)).then_some(change);
            heard |= author.is_some();
            self.pass_on(event, author);
            if seq == Some(last) {
                break;
            }
        }
        heard
    }

    /// Passes on what others do, as far as it has come; more than `most` only if it was received
    /// with these, since nobody can wait for it.
    pub(super) fn hear(&mut self, most: usize) {
        let mut heard = 0;
        while heard < most || self.monitor.has_received() {
            let Some(event) = self.next_event() else { return };
            self.pass_on(event, None);
            heard += 1;
        }
    }

    /// The next event that has come already and can be read.
    fn next_event(&mut self) -> Option<Event> {
        loop {
            match self.monitor.try_next_event() {
                Ok(event) => return event,
                Err(error) if error.is_malformed() => warn!(%error, "event not read"),
                Err(error) => {
                    warn!(%error, "hearing of changes failed");
                    return None;
                }
            }
        }
    }

    /// Sends an answer to one client.
    pub(super) fn answer(&mut self, client: ClientId, message: &Message) {
        self.clients.send(message, Audience::One(client), Some(client));
    }
}
