use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use model::{Event, EventGroup};
use netlink_packet_xfrm::{
    XFRMNLGRP_ACQUIRE, XFRMNLGRP_AEVENTS, XFRMNLGRP_EXPIRE, XFRMNLGRP_MAPPING, XFRMNLGRP_MIGRATE,
    XFRMNLGRP_POLICY, XFRMNLGRP_REPORT, XFRMNLGRP_SA,
};
use rustix::io::Errno;
use sys::datagrams::Wait;
use tracing::debug;

use crate::{Error, device::Devices, socket::Socket, wire};

/// Events that are received at once by who reads ahead: each is a datagram.
const AHEAD: usize = 32;

/// The kernel's number of a group.
fn number(group: EventGroup) -> u32 {
    match group {
        EventGroup::Acquire => XFRMNLGRP_ACQUIRE,
        EventGroup::Expire => XFRMNLGRP_EXPIRE,
        EventGroup::Sa => XFRMNLGRP_SA,
        EventGroup::Policy => XFRMNLGRP_POLICY,
        EventGroup::Migrate => XFRMNLGRP_MIGRATE,
        EventGroup::Mapping => XFRMNLGRP_MAPPING,
        EventGroup::Count => XFRMNLGRP_AEVENTS,
        EventGroup::Report => XFRMNLGRP_REPORT,
    }
}

/// Receives what happens in the SAD and SPD of the network namespace where it was opened, from the
/// moment it is opened. While one is open on [`EventGroup::Acquire`], packets that need an SA wait for
/// it, and a larval SA holds its place.
///
/// For a picture that stays true: open, dump, then apply the events; after
/// [`Event::MonitorLost`], dump again.
pub struct EventSocket {
    socket: Socket,
    devices: Devices,
}

impl EventSocket {
    /// Opens a NETLINK_XFRM socket with a receive buffer of 4 MiB, or as much as
    /// net.core.rmem_max allows, and joins the groups.
    ///
    /// Errors: [`Error::NoXfrm`], [`Error::NoCapability`], [`Error::Socket`].
    pub fn open(groups: &[EventGroup]) -> Result<Self, Error> {
        Self::listen(Socket::open(1)?, groups)
    }

    /// As [`EventSocket::open`], for many events: several are received at once, and while
    /// [`EventSocket::has_received`] returns true, `poll` knows nothing of the next one.
    ///
    /// Errors: as [`EventSocket::open`].
    pub fn open_reading_ahead(groups: &[EventGroup]) -> Result<Self, Error> {
        Self::listen(Socket::open(AHEAD)?, groups)
    }

    /// As [`EventSocket::open_reading_ahead`], for the events of all network namespaces that have a number in this
    /// thread's. The kernel sends those of namespaces in which the opener has CAP_NET_BROADCAST. Devices of
    /// other namespaces are called by their numbers.
    ///
    /// Errors: as [`EventSocket::open`].
    pub fn open_of_all_namespaces(groups: &[EventGroup]) -> Result<Self, Error> {
        let mut socket = Socket::open(AHEAD)?;
        socket.listen_to_all_namespaces()?;
        Self::listen(socket, groups)
    }

    /// Goes on with the socket of a monitor of another process, with the groups that it has joined and
    /// the events that wait, as [`EventSocket::open_reading_ahead`].
    ///
    /// Errors: [`Error::Socket`].
    pub fn adopt_reading_ahead(socket: OwnedFd) -> Result<Self, Error> {
        Self::listen(Socket::adopt(socket, AHEAD)?, &[])
    }

    fn listen(socket: Socket, groups: &[EventGroup]) -> Result<Self, Error> {
        for group in groups {
            socket.join(number(*group))?;
        }
        Ok(Self { devices: socket.devices.clone(), socket })
    }

    /// Joins this group too, from now on.
    ///
    /// Errors: [`Error::NoCapability`], [`Error::Socket`].
    pub fn join(&mut self, group: EventGroup) -> Result<(), Error> {
        self.socket.join(number(group))
    }

    /// Leaves this group; events until now may still come.
    ///
    /// Errors: [`Error::Socket`].
    pub fn leave(&mut self, group: EventGroup) -> Result<(), Error> {
        self.socket.leave(number(group))
    }

    /// Waits for the next event.
    ///
    /// Errors: [`Error::Malformed`] for an event that cannot be read, after which the next one can
    /// be; [`Error::Socket`].
    pub fn next_event(&mut self) -> Result<Event, Error> {
        self.read(Wait::ForOne)
    }

    /// The next event, if there is one already: for readers that wait for several files, with
    /// `poll` on this one's.
    ///
    /// Errors: as [`EventSocket::next_event`].
    pub fn try_next_event(&mut self) -> Result<Option<Event>, Error> {
        match self.read(Wait::No) {
            Err(Error::Socket { source: Errno::AGAIN, .. }) => Ok(None),
            event => event.map(Some),
        }
    }

    /// The number of the network namespace of the last event; none: the one of the monitor.
    #[must_use]
    pub fn namespace(&self) -> Option<i32> {
        self.socket.namespace()
    }

    /// Whether the next event was received already, with another.
    #[must_use]
    pub fn has_received(&self) -> bool {
        self.socket.has_received()
    }

    fn read(&mut self, wait: Wait) -> Result<Event, Error> {
        let own = &self.devices;
        let read = |message: &[u8], namespace: Option<i32>| {
            let devices = if namespace.is_none() { own } else { &Devices::UNNAMED };
            wire::event::read(message, sys::clock::unix_seconds, devices)
        };
        let event = match self.socket.message(wait, read) {
            Err(Error::RepliesLost) => Event::MonitorLost,
            event => event?,
        };
        debug!(?event, "received");
        Ok(event)
    }
}

impl AsFd for EventSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
