use ipsec::{AddressPair, Prefix, Proto};
use netlink_packet_xfrm::{Address, AddressFilter, XfrmAttrs, state::GetDumpMessage};
use tracing::debug;

use crate::{
    Error,
    reply::Reply,
    socket::{Seqs, Socket},
    wire::Family,
};

/// Which SAs a dump gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SadFilter {
    /// Those of this protocol; `None`: AH, ESP and IPComp.
    pub proto: Option<Proto>,
    /// Those between exactly these addresses.
    pub ends: Option<AddressPair>,
}

impl SadFilter {
    /// The dump request. Kernels before 3.15 ignore the filter, so the entries are checked again.
    pub(crate) fn message(&self) -> GetDumpMessage {
        let proto = XfrmAttrs::Proto(self.proto.unwrap_or(Proto::Any).number());
        let ends = self.ends.map(|ends| {
            let bits = Prefix::host(ends.src()).length();
            XfrmAttrs::AddressFilter(AddressFilter {
                saddr: Address::from_ip(&ends.src()),
                daddr: Address::from_ip(&ends.dst()),
                family: Family::of(ends.src()).number(),
                splen: bits,
                dplen: bits,
            })
        });
        GetDumpMessage { nlas: std::iter::once(proto).chain(ends).collect() }
    }

    /// Whether SAs of this IP protocol are wanted: those that the kernel makes for its own use
    /// (IPIP under IPComp tunnels) never are.
    pub(crate) fn takes_proto(&self, number: Option<u8>) -> bool {
        match (number.and_then(Proto::from_number), self.proto) {
            (Some(proto), None | Some(Proto::Any)) => {
                matches!(proto, Proto::Ah | Proto::Esp | Proto::IpComp)
            }
            (proto, wanted) => proto.is_some() && proto == wanted,
        }
    }

    /// Whether SAs between these addresses are wanted.
    pub(crate) fn takes_ends(&self, ends: AddressPair) -> bool {
        self.ends.is_none_or(|wanted| wanted == ends)
    }
}

/// Makes an entry of an object, or nothing if it is not wanted.
type Read<T> = Box<dyn Fn(&[u8]) -> Result<Option<T>, Error>>;

/// A dump under way: the kernel is asked for the next chunk only when the last one is used up, so
/// neither side holds the table. An entry that cannot be read is an error of its own; any other
/// error ends the dump.
pub struct Dump<'c, T> {
    socket: &'c mut Socket,
    seqs: Seqs,
    doing: &'static str,
    read: Read<T>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// More may come.
    Open,
    /// The kernel has said its last word.
    Ended,
    /// The socket failed: nothing more is given, though the kernel may have more.
    Broken,
}

impl<'c, T> Dump<'c, T> {
    pub(crate) fn new(
        socket: &'c mut Socket,
        seqs: Seqs,
        doing: &'static str,
        read: Read<T>,
    ) -> Self {
        Self { socket, seqs, doing, read, state: State::Open }
    }
}

impl<T: std::fmt::Debug> Iterator for Dump<'_, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.state == State::Open {
            let read = match self.socket.reply(self.seqs) {
                Ok((_, Reply::Object(object))) => (self.read)(object),
                Ok((_, Reply::Done)) => {
                    self.state = State::Ended;
                    Ok(None)
                }
                Ok((_, Reply::Refused(refusal))) => {
                    self.state = State::Ended;
                    Err(Error::Refused { doing: self.doing, refusal })
                }
                Err(error) => {
                    self.state = State::Broken;
                    Err(error)
                }
            };
            if let Some(entry) = read.transpose() {
                debug!(seq = self.seqs.first, ?entry, "received");
                return Some(entry);
            }
        }
        None
    }
}

impl<T> Drop for Dump<'_, T> {
    /// Reads to the end, since the kernel runs one dump a socket and answers EBUSY to the next.
    fn drop(&mut self) {
        while self.state != State::Ended {
            match self.socket.reply(self.seqs) {
                Ok((_, Reply::Object(_))) | Err(Error::Malformed(_)) => {}
                Ok((_, Reply::Done | Reply::Refused(_))) | Err(_) => self.state = State::Ended,
            }
        }
    }
}
