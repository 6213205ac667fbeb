//! Notifications of the kernel about the SAD and SPD.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use model::Event;

use crate::Error;

/// The kinds of notifications (`XFRMNLGRP_*`, linux/xfrm.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Packets that need an SA.
    Acquire,
    /// SAs and policies that reach a limit of their lifetime.
    Expire,
    /// Changes of the SAD.
    Sa,
    /// Changes of the SPD.
    Policy,
    /// Policies whose tunnels move to other addresses.
    Migrate,
    /// SAs whose peer moves behind a NAT.
    Mapping,
}

impl Group {
    /// All groups.
    pub const ALL: [Group; 6] =
        [Group::Acquire, Group::Expire, Group::Sa, Group::Policy, Group::Migrate, Group::Mapping];

    fn kernel(self) -> xfrm::Group {
        match self {
            Group::Acquire => xfrm::Group::Acquire,
            Group::Expire => xfrm::Group::Expire,
            Group::Sa => xfrm::Group::Sa,
            Group::Policy => xfrm::Group::Policy,
            Group::Migrate => xfrm::Group::Migrate,
            Group::Mapping => xfrm::Group::Mapping,
        }
    }
}

/// Reads the notifications of the network namespace in which it was opened, from the moment it is
/// opened. While a monitor of [`Group::Acquire`] is open, the kernel queues packets that need an SA,
/// with a larval SA.
///
/// To keep a copy of the SAD or SPD: open the monitor, dump, then apply the events; after
/// [`Event::MonitorLost`], dump again.
pub struct Monitor(xfrm::Monitor);

impl Monitor {
    /// Opens a monitor of these groups.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn open(groups: &[Group]) -> Result<Self, Error> {
        Ok(Self(xfrm::Monitor::open(&kernel_groups(groups))?))
    }

    /// As [`Monitor::open`], for a reader of many events: several are received by one system call.
    /// While [`Monitor::has_received`] is true, poll(2) does not report the next event.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn open_reading_ahead(groups: &[Group]) -> Result<Self, Error> {
        Ok(Self(xfrm::Monitor::open_reading_ahead(&kernel_groups(groups))?))
    }

    /// Continues with the netlink socket of another process's monitor: the groups that it has
    /// joined, and the events in its queue.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn adopt_reading_ahead(socket: OwnedFd) -> Result<Self, Error> {
        Ok(Self(xfrm::Monitor::adopt_reading_ahead(socket)?))
    }

    /// Joins a group.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn join(&mut self, group: Group) -> Result<(), Error> {
        Ok(self.0.join(group.kernel())?)
    }

    /// Leaves a group. Events of it that are in the queue are still read.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn leave(&mut self, group: Group) -> Result<(), Error> {
        Ok(self.0.leave(group.kernel())?)
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
    /// Errors: as [`Monitor::next_event`].
    pub fn try_next_event(&mut self) -> Result<Option<Event>, Error> {
        Ok(self.0.try_next_event()?)
    }

    /// Whether the next event was received together with the last one.
    #[must_use]
    pub fn has_received(&self) -> bool {
        self.0.has_received()
    }
}

impl AsFd for Monitor {
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

fn kernel_groups(groups: &[Group]) -> Vec<xfrm::Group> {
    groups.iter().map(|group| group.kernel()).collect()
}
