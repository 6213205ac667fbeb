//! The netlink socket and its inbox.

use std::{
    ops::Range,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use netlink_packet_core::DecodeError;
use netlink_sys::{Socket as Netlink, SocketAddr, protocols::NETLINK_XFRM};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{
        RecvFlags, SendFlags, recv, send,
        sockopt::{
            set_socket_recv_buffer_size, set_socket_recv_buffer_size_force,
            socket_recv_buffer_size, socket_send_buffer_size,
        },
    },
};
use zeroize::Zeroizing;

use crate::{
    Error,
    device::Devices,
    reply::{Reply, peek},
};

/// Bytes asked for the replies; the kernel doubles it for its own bookkeeping.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Bytes of one `recv`: the kernel fills at most 32 KiB of a dump into one datagram
/// (`netlink_dump`, net/netlink/af_netlink.c).
const INBOX: usize = 64 << 10;

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

/// A connected NETLINK_XFRM socket. Dumped keys pass through the inbox, so it is wiped when
/// dropped.
pub(crate) struct Socket {
    netlink: Arc<Netlink>,
    /// Its netlink port, which the kernel chose.
    pub(crate) port: u32,
    /// Bytes, as the kernel counts them.
    pub(crate) receive_buffer: usize,
    /// Bytes, as the kernel counts them.
    pub(crate) send_buffer: usize,
    inbox: Zeroizing<Vec<u8>>,
    unread: Range<usize>,
}

impl Socket {
    pub(crate) fn open() -> Result<Self, Error> {
        let netlink = Netlink::new(NETLINK_XFRM).map_err(|error| match errno(&error) {
            Errno::PROTONOSUPPORT => Error::NoXfrm,
            source => Error::Socket { doing: "opening a netlink socket", source },
        })?;
        let failed = |doing| move |error| Error::Socket { doing, source: errno(&error) };
        // Connected to the kernel, nobody else's messages arrive (`netlink_getsockbyportid`).
        netlink.connect(&SocketAddr::new(0, 0)).map_err(failed("connecting to the kernel"))?;
        netlink.set_ext_ack(true).map_err(failed("asking for error texts"))?;
        netlink.set_cap_ack(true).map_err(failed("asking for short replies"))?;
        if set_socket_recv_buffer_size_force(&netlink, RECEIVE_BUFFER).is_err() {
            // Only the host's root may exceed net.core.rmem_max; the batches get smaller instead.
            set_socket_recv_buffer_size(&netlink, RECEIVE_BUFFER)
                .map_err(|source| Error::Socket { doing: "sizing the receive buffer", source })?;
        }
        let failed = |source| Error::Socket { doing: "reading the buffer sizes", source };
        let receive_buffer = socket_recv_buffer_size(&netlink).map_err(failed)?;
        let send_buffer = socket_send_buffer_size(&netlink).map_err(failed)?;
        let mut address = SocketAddr::new(0, 0);
        netlink.get_address(&mut address).map_err(|error| Error::Socket {
            doing: "reading the socket's address",
            source: errno(&error),
        })?;
        Ok(Self {
            port: address.port_number(),
            netlink: Arc::new(netlink),
            receive_buffer,
            send_buffer,
            inbox: Zeroizing::new(vec![0; INBOX]),
            unread: 0..0,
        })
    }

    /// Sends `messages` in one datagram.
    pub(crate) fn send(&self, messages: &[u8]) -> Result<(), Error> {
        retry_on_intr(|| send(&*self.netlink, messages, SendFlags::empty()))
            .map(drop)
            .map_err(|source| Error::Socket { doing: "sending to the kernel", source })
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

    /// The devices of the socket's network namespace.
    pub(crate) fn devices(&self) -> Devices {
        Devices::of(&self.netlink)
    }

    /// The next reply to one of `seqs`, with the place of its request among them. Replies to
    /// anything else, left over from a request that failed half-way, are passed over.
    pub(crate) fn reply(&mut self, seqs: Seqs) -> Result<(usize, Reply<'_>), Error> {
        loop {
            let (seq, message) = self.next(RecvFlags::empty())?;
            if let Some(position) = seqs.position(seq) {
                return Ok((position, Reply::read(&self.inbox[message])?));
            }
        }
    }

    /// The next message, whoever it is for, with its header.
    pub(crate) fn message(&mut self, flags: RecvFlags) -> Result<&[u8], Error> {
        let (_, message) = self.next(flags)?;
        Ok(&self.inbox[message])
    }

    /// The next message's sequence number and place in the inbox.
    fn next(&mut self, flags: RecvFlags) -> Result<(u32, Range<usize>), Error> {
        if self.unread.is_empty() {
            self.receive(flags)?;
        }
        let (seq, length) =
            peek(&self.inbox[self.unread.clone()]).inspect_err(|_| self.unread = 0..0)?;
        let message = self.unread.start..self.unread.start + length;
        self.unread.start = message.end;
        Ok((seq, message))
    }

    /// Throws away what the kernel has sent, and a dump under way to its end. After an overrun
    /// the kernel queues nothing, not even errors, until the queue is empty (`netlink_rcv_wake`).
    pub(crate) fn drain(&mut self) {
        self.unread = 0..0;
        loop {
            match recv(&*self.netlink, &mut self.inbox[..], RecvFlags::DONTWAIT) {
                Ok(_) | Err(Errno::INTR | Errno::NOBUFS) => {}
                Err(_) => return,
            }
        }
    }

    fn receive(&mut self, flags: RecvFlags) -> Result<(), Error> {
        let length = loop {
            match recv(&*self.netlink, &mut self.inbox[..], flags | RecvFlags::TRUNC) {
                Ok((_, length)) => break length,
                Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => {
                    self.drain();
                    return Err(Error::RepliesLost);
                }
                Err(source) => {
                    return Err(Error::Socket { doing: "receiving from the kernel", source });
                }
            }
        };
        if length > self.inbox.len() {
            return Err(Error::Malformed(DecodeError::from(
                "longer than any datagram of its kind",
            )));
        }
        self.unread = 0..length;
        Ok(())
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
