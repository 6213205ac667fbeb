//! What has happened, as the clients hear of it.

use model::{Event, Mapping, Mark, SaId, SaState};
use pfkey::spd::without_default;
use tracing::{debug, warn};

use super::{
    broadcast::Audience,
    change::{Change, Kind},
    server::Server,
};

impl Server {
    /// Tells what has happened; `author` is the request that asked for it.
    pub(super) fn pass_on(&mut self, mut event: Event, author: Option<&Change>) {
        let origin = event.origin();
        let is_ours = origin.is_some_and(|origin| origin.pid == self.engine.port());
        // A change that another change made necessary, or the deletion of a larval SA: AF_KEY
        // reports neither.
        if is_ours && author.is_none() {
            return;
        }
        if !is_ours && event.changes_spd() {
            self.engine.forget_spd();
        }
        if origin.is_some_and(|origin| self.settings.ignores(origin)) {
            return;
        }
        self.dying.note(&event);
        self.complete(&mut event, author);
        match pfkey::event::message(&event) {
            Ok(Some(message)) => {
                let message = match (author, &event) {
                    (Some(Change { header, .. }), _) => message.numbered(header.seq, header.pid),
                    (None, Event::MappingChanged(mapping)) => {
                        message.numbered(self.seq_of(mapping), 0)
                    }
                    _ => message,
                };
                let client = author.map(|change| change.client);
                self.clients.send(&message, Audience::of(&event), client);
            }
            Ok(None) => {}
            Err(error) => debug!(%error, "PF_KEY has no words for an event"),
        }
    }

    /// Adds what AF_KEY says of an event and the kernel does not.
    fn complete(&mut self, event: &mut Event, author: Option<&Change>) {
        match event {
            Event::SaExpired { entry, hard, .. } => {
                self.dying.complete(entry, *hard, &mut self.engine);
            }
            Event::SaUpdated { entry, .. } if author.is_some_and(Change::updates_mature) => {
                entry.state = SaState::Dead;
            }
            // Its state is told from the clock, which may have gone on since.
            Event::SaAdded { entry, .. } | Event::SaUpdated { entry, .. }
                if entry.state == SaState::Dying =>
            {
                entry.state = SaState::Mature;
            }
            Event::PolicyAdded { entry, .. } | Event::PolicyUpdated { entry, .. } => {
                **entry = without_default(self.asked((**entry).clone()));
            }
            Event::PolicyDeleted { entry, by_index, .. } => {
                **entry = without_default((**entry).clone());
                *by_index |= author.is_some_and(Change::is_by_index);
            }
            Event::Acquire(acquire) => self.acquires.note(acquire),
            Event::MonitorLost => warn!("changes were lost: clients have not heard of all"),
            _ => {}
        }
    }

    /// The `seq` of the ADD of an SA whose peer has moved, which the event does not tell.
    fn seq_of(&mut self, mapping: &Mapping) -> u32 {
        let &Mapping { dst, proto, spi, .. } = mapping;
        let id = SaId { dst, proto, spi, mark: Mark::default() };
        let there = self.engine.get_sa(&id);
        there.map_or(0, |entry| entry.sa.seq)
    }
}

impl Change {
    fn updates_mature(&self) -> bool {
        self.kind == Kind::UpdateOfMature
    }

    fn is_by_index(&self) -> bool {
        self.kind == Kind::ByIndex
    }
}
