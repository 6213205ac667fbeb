//! The kernel's events, as the service reads them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use engine::EventMonitor;
use model::{Event, EventGroup};
use tracing::warn;

/// The groups that are always joined.
const GROUPS: [EventGroup; 5] = [
    EventGroup::Sa,
    EventGroup::Policy,
    EventGroup::Expire,
    EventGroup::Migrate,
    EventGroup::Mapping,
];

/// The monitor of the service.
pub(super) struct Events {
    monitor: EventMonitor,
    /// Whether the group of ACQUIREs is joined as well.
    has_acquires: bool,
}

impl Events {
    /// Opens a monitor, or continues with the previous daemon's, which has joined the group of
    /// ACQUIREs if `has_acquires`.
    ///
    /// Errors: those of [`EventMonitor::open`].
    pub(super) fn open(
        handed_over: Option<OwnedFd>,
        has_acquires: bool,
    ) -> Result<Self, engine::Error> {
        if let Some(socket) = handed_over {
            match EventMonitor::adopt_reading_ahead(socket) {
                Ok(monitor) => return Ok(Self { monitor, has_acquires }),
                Err(error) => warn!(%error, "kernel events lost since the previous daemon"),
            }
        }
        let monitor = EventMonitor::open_reading_ahead(&GROUPS)?;
        Ok(Self { monitor, has_acquires: false })
    }

    /// Whether the kernel sends ACQUIREs.
    pub(super) fn has_acquires(&self) -> bool {
        self.has_acquires
    }

    /// Has the kernel send ACQUIREs or not. If no program gets them, no packet is to wait for an SA.
    pub(super) fn set_acquires(&mut self, wanted: bool) {
        if wanted == self.has_acquires {
            return;
        }
        let changed = if wanted {
            self.monitor.join(EventGroup::Acquire)
        } else {
            self.monitor.leave(EventGroup::Acquire)
        };
        match changed {
            Ok(()) => self.has_acquires = wanted,
            Err(error) => warn!(wanted, %error, "ACQUIRE group not changed"),
        }
    }

    /// The next event in the queue. Events that cannot be read are skipped.
    pub(super) fn next(&mut self) -> Option<Event> {
        loop {
            match self.monitor.try_next_event() {
                Ok(event) => return event,
                Err(error) if error.is_malformed() => warn!(%error, "event not read"),
                Err(error) => {
                    warn!(%error, "events not read");
                    return None;
                }
            }
        }
    }

    /// Whether the next event was received with the last one: poll(2) does not report it.
    pub(super) fn has_received(&self) -> bool {
        self.monitor.has_received()
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.monitor.as_fd()
    }
}
