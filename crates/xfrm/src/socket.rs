//! The netlink socket and its inbox.

use std::{
    ops::Range,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use netlink_packet_core::DecodeError;
use netlink_sys::{Socket as Netlink, SocketAddr, protocols::NETLINK_XFRM};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{
        SendFlags, send,
        sockopt::{
            set_socket_recv_buffer_size, set_socket_recv_buffer_size_force,
            socket_recv_buffer_size, socket_send_buffer_size,
        },
    },
};
use sys::datagrams::{Inbox, Wait};

use crate::{
    Error,
    device::Devices,
    reply::{Reply, peek},
};

/// Bytes of the receive buffer; the kernel doubles it for its own bookkeeping.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Bytes of the room for one datagram: the kernel fills at most 32 KiB of a dump into one
/// (`netlink_dump`, net/netlink/af_netlink.c).
const ROOM: usize = 64 << 10;

/// The sequence numbers of a run of requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seqs {
    pub(crate) first: u32,
    pub(crate) count: u32,
}

impl Seqs {
    /// The sequence number of the request at a place in the run.
    pub(crate) fn at(self, position: usize) -> u32 {
        self.first.wrapping_add(position.try_into().unwrap_or(u32::MAX))
    }

    /// The place of a reply's request in the run.
    fn position(self, seq: u32) -> Option<usize> {
        let position = seq.wrapping_sub(self.first);
        (position < self.count).then(|| usize::try_from(position).ok()).flatten()
    }
}

/// A connected NETLINK_XFRM socket. Keys pass through its inbox: each message is wiped when it has been
/// read.
pub(crate) struct Socket {
    netlink: Arc<Netlink>,
    /// Those that messages name.
    pub(crate) devices: Devices,
    /// Its netlink port, which the kernel chose.
    pub(crate) port: u32,
    /// Bytes, as the kernel counts them.
    pub(crate) receive_buffer: usize,
    /// Bytes, as the kernel counts them.
    pub(crate) send_buffer: usize,
    inbox: Inbox,
    /// The datagrams of the inbox that were begun to be read.
    begun: usize,
    /// Of the last of them.
    unread: Range<usize>,
}

impl Socket {
    /// Opens one that receives at most this many datagrams at once.
    pub(crate) fn open(datagrams: usize) -> Result<Self, Error> {
        let netlink = Netlink::new(NETLINK_XFRM).map_err(|error| match errno(&error) {
            Errno::PROTONOSUPPORT => Error::NoXfrm,
            source => Error::Socket { doing: "opening a netlink socket", source },
        })?;
        let failed = |doing| move |error| Error::Socket { doing, source: errno(&error) };
        // On a socket connected to the kernel no other program's messages arrive (`netlink_getsockbyportid`).
        netlink.connect(&SocketAddr::new(0, 0)).map_err(failed("connecting to the kernel"))?;
        netlink.set_ext_ack(true).map_err(failed("asking for error texts"))?;
        netlink.set_cap_ack(true).map_err(failed("asking for short replies"))?;
        if set_socket_recv_buffer_size_force(&netlink, RECEIVE_BUFFER).is_err() {
            // Only the host's root may exceed net.core.rmem_max; the batches get smaller instead.
            set_socket_recv_buffer_size(&netlink, RECEIVE_BUFFER)
                .map_err(|source| Error::Socket { doing: "sizing the receive buffer", source })?;
        }
        Self::connected(netlink, datagrams)
    }

    /// Goes on with a socket that another process has opened here.
    pub(crate) fn adopt(socket: OwnedFd, datagrams: usize) -> Result<Self, Error> {
        let failed = |source| Error::Socket { doing: "looking at an inherited socket", source };
        let netlink = sys::netlink::adopt(socket, NETLINK_XFRM).map_err(failed)?;
        Self::connected(netlink, datagrams)
    }

    fn connected(netlink: Netlink, datagrams: usize) -> Result<Self, Error> {
        let failed = |source| Error::Socket { doing: "reading the buffer sizes", source };
        let receive_buffer = socket_recv_buffer_size(&netlink).map_err(failed)?;
        let send_buffer = socket_send_buffer_size(&netlink).map_err(failed)?;
        let mut address = SocketAddr::new(0, 0);
        netlink.get_address(&mut address).map_err(|error| Error::Socket {
            doing: "reading the socket's address",
            source: errno(&error),
        })?;
        let netlink = Arc::new(netlink);
        Ok(Self {
            port: address.port_number(),
            devices: Devices::of(&netlink),
            netlink,
            receive_buffer,
            send_buffer,
            inbox: Inbox::new(datagrams, ROOM)
                .map_err(|source| Error::Socket { doing: "making a receive buffer", source })?,
            begun: 0,
            unread: 0..0,
        })
    }

    /// Sends `messages` in one datagram.
    pub(crate) fn send(&self, messages: &[u8]) -> Result<(), Error> {
        retry_on_intr(|| send(&*self.netlink, messages, SendFlags::empty()))
            .map(drop)
            .map_err(|source| Error::Socket { doing: "sending to the kernel", source })
    }

    /// Receives messages of multicast groups from all network namespaces that have a number in the socket's
    /// (`do_one_broadcast`, net/netlink/af_netlink.c).
    pub(crate) fn listen_to_all_namespaces(&mut self) -> Result<(), Error> {
        self.netlink.set_listen_all_namespaces(true).map_err(|error| match errno(&error) {
            Errno::PERM => Error::NoCapability,
            source => Error::Socket { doing: "listening to all network namespaces", source },
        })?;
        self.inbox.keep_namespaces();
        Ok(())
    }

    /// The number of the network namespace of the last message; none: the socket's own.
    pub(crate) fn namespace(&self) -> Option<i32> {
        self.inbox.namespace(self.begun.checked_sub(1)?)
    }

    /// Joins a multicast group, by number.
    pub(crate) fn join(&self, group: u32) -> Result<(), Error> {
        self.netlink.add_membership(group).map_err(|error| match errno(&error) {
            Errno::PERM => Error::NoCapability,
            source => Error::Socket { doing: "joining a multicast group", source },
        })
    }

    /// Leaves a multicast group, by number.
    pub(crate) fn leave(&self, group: u32) -> Result<(), Error> {
        self.netlink.drop_membership(group).map_err(|error| Error::Socket {
            doing: "leaving a multicast group",
            source: errno(&error),
        })
    }

    /// Reads the next reply to one of `seqs`, with the place of its request among them, and wipes it.
    /// Replies to anything else, left over from a request that failed half-way, are passed over.
    pub(crate) fn reply<T>(
        &mut self,
        seqs: Seqs,
        read: impl FnOnce(usize, Reply<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            let (seq, place) = self.next(Wait::ForOne)?;
            let Some(position) = seqs.position(seq) else {
                self.inbox.wipe_part(place);
                continue;
            };
            let reply = Reply::read(&self.inbox.bytes()[place.clone()]);
            let read = reply.map_err(Error::from).and_then(|reply| read(position, reply));
            self.inbox.wipe_part(place);
            return read;
        }
    }

    /// Reads the next message, with its header, whatever request it answers, and wipes it. `read` also gets
    /// [`Socket::namespace`].
    pub(crate) fn message<T>(
        &mut self,
        wait: Wait,
        read: impl FnOnce(&[u8], Option<i32>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (_, place) = self.next(wait)?;
        let namespace = self.namespace();
        let read = read(&self.inbox.bytes()[place.clone()], namespace);
        self.inbox.wipe_part(place);
        read
    }

    /// Whether a message was received already.
    pub(crate) fn has_received(&self) -> bool {
        !self.unread.is_empty() || self.begun < self.inbox.count()
    }

    /// The next message's sequence number and place in the inbox.
    fn next(&mut self, wait: Wait) -> Result<(u32, Range<usize>), Error> {
        if self.unread.is_empty() {
            self.begin_datagram(wait)?;
        }
        let (seq, length) =
            peek(&self.inbox.bytes()[self.unread.clone()]).inspect_err(|_| self.unread = 0..0)?;
        let message = self.unread.start..self.unread.start + length;
        self.unread.start = message.end;
        Ok((seq, message))
    }

    fn begin_datagram(&mut self, wait: Wait) -> Result<(), Error> {
        if !self.has_received() {
            self.receive(wait)?;
        }
        let datagram = self.begun;
        self.begun += 1;
        if self.inbox.length(datagram) > ROOM {
            return Err(Error::Malformed(DecodeError::from(
                "longer than any datagram of its kind",
            )));
        }
        self.unread = self.inbox.place(datagram);
        Ok(())
    }

    /// Throws away what the kernel has sent, and a dump under way to its end. After an overrun
    /// the kernel queues nothing, not even errors, until the queue is empty (`netlink_rcv_wake`).
    pub(crate) fn drain(&mut self) {
        self.unread = 0..0;
        while let Ok(()) | Err(Errno::NOBUFS) = self.inbox.receive(&*self.netlink, Wait::No) {}
        self.begun = 0;
    }

    fn receive(&mut self, wait: Wait) -> Result<(), Error> {
        self.begun = 0;
        match self.inbox.receive(&*self.netlink, wait) {
            Ok(()) => Ok(()),
            Err(Errno::NOBUFS) => {
                self.drain();
                Err(Error::RepliesLost)
            }
            Err(source) => Err(Error::Socket { doing: "receiving from the kernel", source }),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
