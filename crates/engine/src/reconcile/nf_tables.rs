//! nf_tables over netlink: transactions and dumps of IPv4 tables.

use std::{io, time::Duration};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
    NetfilterSubsystem, nftables::NfTablesMessage, none::ControlMessage,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{
        RecvFlags, SendFlags, recv, send,
        sockopt::{Timeout, set_socket_send_buffer_size_force, set_socket_timeout},
    },
};

/// How long the kernel may take for an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Bytes that the kernel takes in one transaction, as it counts them: some 100,000 elements.
const SEND_BUFFER: usize = 8 << 20;

/// Bytes of the largest datagram of a dump (`netlink_dump`, net/netlink/af_netlink.c).
const ROOM: usize = 64 << 10;

/// A netlink socket of nf_tables in this thread's network namespace.
pub struct NfTables {
    socket: Socket,
    /// The sequence number of the last message.
    seq: u32,
}

impl NfTables {
    /// Errors: EPROTONOSUPPORT if the kernel has no nf_tables.
    pub fn open() -> Result<Self, Errno> {
        let socket = Socket::new(NETLINK_NETFILTER).map_err(|error| errno(&error))?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(|error| errno(&error))?;
        socket.set_cap_ack(true).map_err(|error| errno(&error))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(LIMIT))?;
        // Without CAP_NET_ADMIN the transaction is refused anyway, with a better errno.
        let _ = set_socket_send_buffer_size_force(&socket, SEND_BUFFER);
        Ok(Self { socket, seq: 0 })
    }

    /// Carries out changes, all of them or none.
    ///
    /// Errors: that of the first change that the kernel refuses; ETIMEDOUT.
    pub fn change(&mut self, changes: Vec<NfTablesMessage>) -> Result<(), Errno> {
        let mut batch = Vec::new();
        self.append(&mut batch, 0, boundary(ControlMessage::BatchBegin));
        let last = changes.len().saturating_sub(1);
        for (position, change) in changes.into_iter().enumerate() {
            let acknowledged = if position == last { NLM_F_ACK } else { 0 };
            self.append(&mut batch, flags(&change) | acknowledged, message(change));
        }
        let acknowledged = self.seq;
        self.append(&mut batch, 0, boundary(ControlMessage::BatchEnd));
        self.send(&batch)?;
        // The errors of a transaction are queued before the acknowledgement of its last change
        // (`nfnetlink_rcv_batch`, net/netfilter/nfnetlink.c).
        loop {
            for reply in self.receive()? {
                match reply.payload {
                    NetlinkPayload::Error(error) if error.code.is_some() => {
                        return Err(Errno::from_raw_os_error(-error.raw_code()));
                    }
                    NetlinkPayload::Error(_) if reply.header.sequence_number == acknowledged => {
                        return Ok(());
                    }
                    _ => {}
                }
            }
        }
    }

    /// What the kernel returns for a request.
    ///
    /// Errors: ENOENT if there is no such table or set; ETIMEDOUT.
    pub fn dump(&mut self, request: NfTablesMessage) -> Result<Vec<NfTablesMessage>, Errno> {
        let mut bytes = Vec::new();
        self.append(&mut bytes, NLM_F_DUMP, message(request));
        self.send(&bytes)?;
        let mut entries = Vec::new();
        loop {
            for reply in self.receive()? {
                match reply.payload {
                    NetlinkPayload::InnerMessage(NetfilterMessage {
                        inner: NetfilterMessageInner::NfTables(entry),
                        ..
                    }) => entries.push(entry),
                    NetlinkPayload::Error(error) if error.code.is_some() => {
                        return Err(Errno::from_raw_os_error(-error.raw_code()));
                    }
                    NetlinkPayload::Done(done) if done.code != 0 => {
                        return Err(Errno::from_raw_os_error(-done.code));
                    }
                    NetlinkPayload::Done(_) => return Ok(entries),
                    _ => {}
                }
            }
        }
    }

    fn append(&mut self, batch: &mut Vec<u8>, flags: u16, message: NetfilterMessage) {
        self.seq += 1;
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.seq;
        let mut message = NetlinkMessage::new(header, message.into());
        message.finalize();
        let start = batch.len();
        batch.resize(start + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut batch[start..]);
    }

    fn send(&self, bytes: &[u8]) -> Result<(), Errno> {
        retry_on_intr(|| send(&self.socket, bytes, SendFlags::empty())).map(drop)
    }

    /// The messages of the next datagram.
    fn receive(&self) -> Result<Vec<NetlinkMessage<NetfilterMessage>>, Errno> {
        let mut room = vec![0; ROOM];
        let received = retry_on_intr(|| recv(&self.socket, &mut room[..], RecvFlags::empty()));
        let (length, _) = received.map_err(|errno| match errno {
            Errno::AGAIN => Errno::TIMEDOUT,
            errno => errno,
        })?;
        let mut rest = &room[..length];
        let mut messages = Vec::new();
        while !rest.is_empty() {
            let message = NetlinkMessage::deserialize(rest).map_err(|_| Errno::BADMSG)?;
            let length = usize::try_from(message.header.length).map_err(|_| Errno::BADMSG)?;
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            messages.push(message);
        }
        Ok(messages)
    }
}

fn message(message: NfTablesMessage) -> NetfilterMessage {
    NetfilterMessage::new(NetfilterHeader::new(NetfilterProtoFamily::IPv4, 0, 0), message)
}

/// The first or last message of a transaction, which names the subsystem.
fn boundary(message: ControlMessage) -> NetfilterMessage {
    let subsystem = u8::from(NetfilterSubsystem::NfTables);
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, subsystem.into());
    NetfilterMessage::new(header, message)
}

fn flags(change: &NfTablesMessage) -> u16 {
    match change {
        NfTablesMessage::NewRule(_) => NLM_F_CREATE | NLM_F_APPEND,
        NfTablesMessage::NewTable(_)
        | NfTablesMessage::NewChain(_)
        | NfTablesMessage::NewSet(_)
        | NfTablesMessage::NewSetElement(_) => NLM_F_CREATE,
        _ => 0,
    }
}

pub fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
