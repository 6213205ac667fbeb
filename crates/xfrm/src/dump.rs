use model::{AddressPair, IpVersion, Prefix, Proto};
use netlink_packet_xfrm::{Address, AddressFilter, XfrmAttrs, state::GetDumpMessage};
use tracing::debug;

use crate::{
    Error,
    reply::Reply,
    socket::{Seqs, Socket},
    wire::AddressFamily,
};

/// Which SAs a dump gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SadSelection {
    /// Those of this protocol; `None`: AH, ESP and IPComp.
    pub proto: Option<Proto>,
    /// Those between exactly these addresses.
    pub ends: Option<AddressPair>,
    /// Those between addresses of these prefixes; `ends` goes before.
    pub prefixes: Option<Prefixes>,
}

/// Prefixes of addresses, compared by the kernel (`xfrm_address_filter`, Linux 3.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefixes {
    /// The `AF_*` number of the addresses; IPv4 and IPv6 alike if it is neither's.
    pub family: u16,
    /// The source, network order; IPv4 in the first four bytes.
    pub src: [u8; 16],
    /// Bits of the source that count, at most 128.
    pub src_bits: u8,
    /// The destination.
    pub dst: [u8; 16],
    /// Bits of the destination that count.
    pub dst_bits: u8,
}

impl Prefixes {
    fn of(ends: AddressPair) -> Self {
        let bits = Prefix::host(ends.src()).length();
        Self {
            family: IpVersion::of(ends.src()).family(),
            src: Address::from_ip(&ends.src()).addr,
            src_bits: bits,
            dst: Address::from_ip(&ends.dst()).addr,
            dst_bits: bits,
        }
    }

    fn attribute(self) -> XfrmAttrs {
        XfrmAttrs::AddressFilter(AddressFilter {
            saddr: Address { addr: self.src },
            daddr: Address { addr: self.dst },
            family: self.family,
            splen: self.src_bits,
            dplen: self.dst_bits,
        })
    }
}

impl SadSelection {
    /// The dump request. Kernels before 3.15 ignore the filter, so the entries are checked again.
    pub(crate) fn message(&self) -> GetDumpMessage {
        let proto = XfrmAttrs::Proto(self.proto.unwrap_or(Proto::Any).number());
        let prefixes = self.ends.map(Prefixes::of).or(self.prefixes);
        let prefixes = prefixes.map(Prefixes::attribute);
        GetDumpMessage { nlas: std::iter::once(proto).chain(prefixes).collect() }
    }

    /// Whether SAs of this IP protocol are wanted: those that the kernel makes for its own use
    /// (IPIP under IPComp tunnels) never are.
    pub(crate) fn takes_proto(&self, number: u8) -> bool {
        match (Proto::from_number(number), self.proto) {
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
pub(crate) type Read<T> = Box<dyn Fn(&[u8]) -> Result<Option<T>, Error> + Send>;

/// The socket of a dump: lent by a connection that goes on after it, or its own.
pub(crate) enum DumpSocket<'c> {
    Lent(&'c mut Socket),
    Own(Box<Socket>),
}

impl<'c> From<&'c mut Socket> for DumpSocket<'c> {
    fn from(socket: &'c mut Socket) -> Self {
        DumpSocket::Lent(socket)
    }
}

impl From<Socket> for DumpSocket<'_> {
    fn from(socket: Socket) -> Self {
        DumpSocket::Own(Box::new(socket))
    }
}

impl DumpSocket<'_> {
    fn socket(&mut self) -> &mut Socket {
        match self {
            DumpSocket::Lent(socket) => socket,
            DumpSocket::Own(socket) => socket,
        }
    }
}

/// A dump under way: the kernel is asked for the next chunk only when the last one is used up, so
/// neither side holds the table. An entry that cannot be read is an error of its own; any other
/// error ends the dump.
pub struct Dump<'c, T> {
    source: DumpSocket<'c>,
    seqs: Seqs,
    doing: &'static str,
    read: Read<T>,
    /// The kernel has sent its last message, or the rest is thrown away.
    ended: bool,
}

impl<'c, T> Dump<'c, T> {
    pub(crate) fn new(
        source: DumpSocket<'c>,
        seqs: Seqs,
        doing: &'static str,
        read: Read<T>,
    ) -> Self {
        Self { source, seqs, doing, read, ended: false }
    }
}

impl<T: std::fmt::Debug> Iterator for Dump<'_, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let (read, doing) = (&self.read, self.doing);
            let step = self.source.socket().reply(self.seqs, |_, reply| {
                Ok(match reply {
                    Reply::Object(object) => (false, read(object)),
                    Reply::Done => (true, Ok(None)),
                    Reply::Refused(refusal) => (true, Err(Error::Refused { doing, refusal })),
                })
            });
            let read = match step {
                Ok((ended, read)) => {
                    self.ended = ended;
                    read
                }
                Err(error) => {
                    self.ended = true;
                    self.source.socket().drain();
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
    /// The kernel runs one dump a socket, and answers EBUSY to the next while one is under way.
    fn drop(&mut self) {
        if let (DumpSocket::Lent(socket), false) = (&mut self.source, self.ended) {
            socket.drain();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::{bytes, hex};

    fn ends(src: [u8; 4], dst: [u8; 4]) -> AddressPair {
        AddressPair::new(src.into(), dst.into()).unwrap()
    }

    #[test]
    fn the_request_is_that_of_ip_xfrm() {
        // ip xfrm state list src 192.0.2.1 dst 192.0.2.2 proto esp
        let captured = hex("05001900 32000000 28001a00
            c0000201 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 0200 20 20");
        let ends = Some(ends([192, 0, 2, 1], [192, 0, 2, 2]));
        let message = SadSelection { proto: Some(Proto::Esp), ends, prefixes: None }.message();
        assert_eq!(bytes(&message), captured);
    }

    #[test]
    fn kernels_that_ignore_the_filter_are_checked() {
        let all = SadSelection::default();
        assert!([50, 51, 108].iter().all(|&number| all.takes_proto(number)));
        assert!(![4, 41, 43, 60, 99].iter().any(|&number| all.takes_proto(number)));
        let esp = SadSelection { proto: Some(Proto::Esp), ..all };
        assert!(esp.takes_proto(50) && !esp.takes_proto(51) && !esp.takes_proto(4));
        let (there, back) = (ends([1; 4], [2; 4]), ends([2; 4], [1; 4]));
        let only = SadSelection { ends: Some(there), ..all };
        assert!(only.takes_ends(there) && !only.takes_ends(back) && all.takes_ends(back));
    }
}
