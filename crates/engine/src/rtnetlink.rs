//! A conversation with the kernel over NETLINK_ROUTE: a question at a time, each with one answer or a list.

use std::{io, os::fd::AsFd, time::Duration};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{
        RecvFlags, SendFlags, recv, send,
        sockopt::{Timeout, set_socket_timeout},
    },
};

/// How long the kernel may take for an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Bytes of the largest answer: that of a device with all its attributes.
const ROOM: usize = 64 << 10;

/// A socket of this thread's network namespace.
pub struct Conversation(Socket);

impl Conversation {
    /// Errors: those of socket(2).
    pub fn open() -> Result<Self, Errno> {
        let socket = Socket::new(NETLINK_ROUTE).map_err(|error| errno(&error))?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(|error| errno(&error))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(LIMIT))?;
        Ok(Self(socket))
    }

    /// The socket.
    pub fn socket(&self) -> impl AsFd {
        &self.0
    }

    /// Sends a question and reads its answer.
    ///
    /// Errors: the kernel's; ETIMEDOUT.
    pub fn ask(&self, question: RouteNetlinkMessage) -> Result<RouteNetlinkMessage, Errno> {
        self.exchange(question, NLM_F_REQUEST)?.ok_or(Errno::BADMSG)
    }

    /// Sends a change and waits until it is made.
    ///
    /// Errors: the kernel's; ETIMEDOUT.
    pub fn change(&self, change: RouteNetlinkMessage) -> Result<(), Errno> {
        self.exchange(change, NLM_F_REQUEST | NLM_F_ACK).map(drop)
    }

    /// Sends a question and reads its answers.
    ///
    /// Errors: the kernel's; ETIMEDOUT.
    pub fn list(&self, question: RouteNetlinkMessage) -> Result<Vec<RouteNetlinkMessage>, Errno> {
        self.send(question, NLM_F_REQUEST | NLM_F_DUMP)?;
        let mut list = Vec::new();
        let mut buffer = vec![0; ROOM];
        loop {
            let mut rest = self.receive(&mut buffer)?;
            while !rest.is_empty() {
                let reply = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                    .map_err(|_| Errno::BADMSG)?;
                // A multiple of four bytes (`NLMSG_ALIGN`).
                let length = (reply.header.length as usize).next_multiple_of(4);
                rest = rest.get(length..).unwrap_or_default();
                match reply.payload {
                    NetlinkPayload::InnerMessage(answer) => list.push(answer),
                    NetlinkPayload::Done(done) if done.code == 0 => return Ok(list),
                    NetlinkPayload::Done(done) => return Err(Errno::from_raw_os_error(-done.code)),
                    NetlinkPayload::Error(error) => {
                        return Err(Errno::from_raw_os_error(-error.raw_code()));
                    }
                    _ => return Err(Errno::BADMSG),
                }
            }
        }
    }

    fn exchange(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<Option<RouteNetlinkMessage>, Errno> {
        self.send(message, flags)?;
        let mut buffer = vec![0; ROOM];
        let answer = self.receive(&mut buffer)?;
        let reply = NetlinkMessage::<RouteNetlinkMessage>::deserialize(answer)
            .map_err(|_| Errno::BADMSG)?;
        match reply.payload {
            NetlinkPayload::InnerMessage(answer) => Ok(Some(answer)),
            NetlinkPayload::Error(error) if error.raw_code() == 0 => Ok(None),
            NetlinkPayload::Error(error) => Err(Errno::from_raw_os_error(-error.raw_code())),
            _ => Err(Errno::BADMSG),
        }
    }

    fn send(&self, message: RouteNetlinkMessage, flags: u16) -> Result<(), Errno> {
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        retry_on_intr(|| send(&self.0, &bytes, SendFlags::empty())).map(drop)
    }

    fn receive<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        let (length, _) = retry_on_intr(|| recv(&self.0, &mut *buffer, RecvFlags::empty()))
            .map_err(|error| if error == Errno::AGAIN { Errno::TIMEDOUT } else { error })?;
        Ok(buffer.get(..length).unwrap_or_default())
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
