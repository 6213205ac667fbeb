//! Notifications of the kernel about the SAD and SPD.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use model::{Event, EventGroup};

use crate::Error;

/// Reads the notifications of the network namespace in which it was opened, from the moment it is
/// opened. While a monitor of [`EventGroup::Acquire`] is open, the kernel queues packets that need an SA,
/// with a larval SA.
///
/// To keep a copy of the SAD or SPD: open the monitor, dump, then apply the events; after
/// [`Event::MonitorLost`], dump again.
pub struct EventMonitor(xfrm::EventSocket);

impl EventMonitor {
    /// Opens a monitor of these groups.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn open(groups: &[EventGroup]) -> Result<Self, Error> {
        Ok(Self(xfrm::EventSocket::open(groups)?))
    }

    /// As [`EventMonitor::open`], for a reader of many events: several are received by one system call.
    /// While [`EventMonitor::has_received`] is true, poll(2) does not report the next event.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn open_reading_ahead(groups: &[EventGroup]) -> Result<Self, Error> {
        Ok(Self(xfrm::EventSocket::open_reading_ahead(groups)?))
    }

    /// As [`EventMonitor::open_reading_ahead`], for the events of all network namespaces that have a number in this
    /// thread's ([`crate::NamedNamespace`]). The kernel sends those of namespaces in which the opener has
    /// CAP_NET_BROADCAST. Network devices of others are called by their numbers.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn open_of_all_namespaces(groups: &[EventGroup]) -> Result<Self, Error> {
        Ok(Self(xfrm::EventSocket::open_of_all_namespaces(groups)?))
    }

    /// The number of the network namespace of the last event; none: this monitor's.
    #[must_use]
    pub fn namespace(&self) -> Option<i32> {
        self.0.namespace()
    }

    /// Continues with the netlink socket of another process's monitor: the groups that it has
    /// joined, and the events in its queue.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn adopt_reading_ahead(socket: OwnedFd) -> Result<Self, Error> {
        Ok(Self(xfrm::EventSocket::adopt_reading_ahead(socket)?))
    }

    /// Joins a group.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn join(&mut self, group: EventGroup) -> Result<(), Error> {
        Ok(self.0.join(group)?)
    }

    /// Leaves a group. Events of it that are in the queue are still read.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn leave(&mut self, group: EventGroup) -> Result<(), Error> {
        Ok(self.0.leave(group)?)
    }

    /// Waits for the next event.
    ///
    /// Errors: [`Error::Kernel`]. After an error of which [`Error::is_malformed`] is true, the next
    /// event can be read.
    pub fn next_event(&mut self) -> Result<Event, Error> {
        Ok(self.0.next_event()?)
    }

    /// Reads the next event if it is in the queue.
    ///
    /// Errors: as [`EventMonitor::next_event`].
    pub fn try_next_event(&mut self) -> Result<Option<Event>, Error> {
        Ok(self.0.try_next_event()?)
    }

    /// Whether the next event was received together with the last one.
    #[must_use]
    pub fn has_received(&self) -> bool {
        self.0.has_received()
    }
}

impl AsFd for EventMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Error {
    /// Whether one message of the kernel cannot be read; the next one can be.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        matches!(self, Error::Kernel(xfrm::Error::Malformed(_)))
    }

    /// Whether the kernel has refused a question or a change. [`Error::errno`] is its answer.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Error::Kernel(xfrm::Error::Refused { .. }))
    }
}
