//! The answers to changes, and the kernel's events, as the clients get them.

use std::num::NonZeroU32;

use model::{Event, Mapping, Mark, SaId, SaState};
use pfkey::{Message, spd::without_default};
use tracing::{debug, warn};

use super::{
    Handler,
    pending::{AnswerKind, PendingChange, Status},
    requested,
};
use crate::pfkey::sessions::Audience;

impl Handler {
    /// Has the pending changes made, and queues their answers in order, with the events that other
    /// programs have caused.
    pub(in crate::pfkey) fn finish(&mut self) {
        let changes = self.pending.finish(&mut self.engine);
        if changes.is_empty() {
            return self.pending.recycle(changes);
        }
        for change in &changes {
            self.conclude(change);
        }
        self.pending.recycle(changes);
        self.forward_events(0);
    }

    fn conclude(&mut self, change: &PendingChange) {
        let PendingChange { session, header, kind, .. } = change;
        let done = || Message { errno: 0, ..header.clone() };
        match change.status {
            Status::Refused(errno) => self.answer(*session, &header.refusal(errno)),
            Status::Rejected(errno) => {
                let audience = Audience::Only(*session);
                self.sessions.send(&header.refusal(errno), audience, Some(*session));
            }
            Status::Waiting => {
                self.answer(*session, &header.refusal(rustix::io::Errno::NOBUFS));
            }
            Status::Accepted { first, last } => {
                if *kind == AnswerKind::Flush {
                    self.answer(*session, &done());
                }
                let was_forwarded = self.forward_until(change, first, last);
                if !was_forwarded && *kind != AnswerKind::Flush {
                    warn!(
                        client = session.number(),
                        "event of a change lost, answered by a header"
                    );
                    self.answer(*session, &done());
                }
            }
        }
    }

    /// Forwards the events up to the last one of a change. Returns whether the first one was among
    /// them, which is the answer to the request.
    fn forward_until(&mut self, change: &PendingChange, first: u32, last: u32) -> bool {
        let mut was_forwarded = false;
        while let Some(event) = self.events.next() {
            let origin = event.origin().filter(|origin| origin.pid == self.engine.port());
            let seq = origin.map(|origin| origin.seq);
            let cause = (seq == Some(first)).then_some(change);
            was_forwarded |= cause.is_some();
            self.forward(event, cause);
            if seq == Some(last) {
                break;
            }
        }
        was_forwarded
    }

    /// Forwards the events in the queue: at least those that were received already, which poll(2)
    /// does not report, and at most `limit` more.
    pub(in crate::pfkey) fn forward_events(&mut self, limit: usize) {
        let mut count = 0;
        while count < limit || self.events.has_received() {
            let Some(event) = self.events.next() else { return };
            self.forward(event, None);
            count += 1;
        }
    }

    /// Sends an event to its audience. `cause` is the request that has caused it.
    fn forward(&mut self, mut event: Event, cause: Option<&PendingChange>) {
        let origin = event.origin();
        let is_ours = origin.is_some_and(|origin| origin.pid == self.engine.port());
        // A change that another change made necessary, or the deletion of a larval SA: AF_KEY
        // reports neither.
        if is_ours && cause.is_none() {
            return;
        }
        if !is_ours && event.changes_spd() {
            self.engine.forget_spd();
        }
        if origin.is_some_and(|origin| self.settings.ignores(origin)) {
            return;
        }
        self.soft_expiry.note(&event);
        self.complete(&mut event, cause);
        match pfkey::event::message(&event) {
            Ok(Some(message)) => {
                let message = match (cause, &event) {
                    (Some(PendingChange { header, .. }), _) => {
                        message.numbered(header.seq, header.pid)
                    }
                    (None, Event::MappingChanged(mapping)) => {
                        message.numbered(self.seq_of(mapping), 0)
                    }
                    _ => message,
                };
                let requester = cause.map(|change| change.session);
                self.sessions.send(&message, Audience::of(&event), requester);
            }
            Ok(None) => {}
            Err(error) => debug!(%error, "event not expressible in PF_KEY"),
        }
    }

    /// Adds to an event what AF_KEY's message has and the kernel's does not.
    fn complete(&mut self, event: &mut Event, cause: Option<&PendingChange>) {
        let is = |kind| cause.is_some_and(|change| change.kind == kind);
        match event {
            Event::SaExpired { entry, hard, .. } => {
                self.soft_expiry.complete(entry, *hard, &mut self.engine);
            }
            Event::SaUpdated { entry, .. } if is(AnswerKind::UpdateOfMature) => {
                entry.state = SaState::Dead;
            }
            // The state is derived from the clock, which has gone on since the event.
            Event::SaAdded { entry, .. } | Event::SaUpdated { entry, .. }
                if entry.state == SaState::Dying =>
            {
                entry.state = SaState::Mature;
            }
            Event::PolicyAdded { entry, .. } | Event::PolicyUpdated { entry, .. } => {
                **entry = without_default(requested(&mut self.engine, (**entry).clone()));
            }
            Event::PolicyDeleted { entry, by_index, .. } => {
                **entry = without_default((**entry).clone());
                *by_index |= is(AnswerKind::ByIndex);
            }
            Event::Acquire(acquire) => self.acquires.note(acquire),
            Event::MonitorLost => warn!("events lost, clients miss changes"),
            Event::SaAdded { .. }
            | Event::SaUpdated { .. }
            | Event::SaDeleted { .. }
            | Event::SadFlushed { .. }
            | Event::SpdFlushed { .. }
            | Event::CatchAllDeleted { .. }
            | Event::PolicyExpired { .. }
            | Event::MappingChanged(_)
            | Event::Migrated(_)
            | Event::SaCounted(_)
            | Event::Reported { .. }
            | Event::Other { .. } => {}
        }
    }

    /// The `seq` of the ADD of an SA whose peer has moved, which the event does not contain.
    fn seq_of(&mut self, mapping: &Mapping) -> u32 {
        let &Mapping { dst, proto, spi, .. } = mapping;
        let id = SaId { dst, proto, spi, mark: Mark::default() };
        self.engine.get_sa(&id).map_or(0, |entry| entry.sa.seq.map_or(0, NonZeroU32::get))
    }
}
