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
type Read<T> = Box<dyn Fn(&[u8]) -> Result<Option<T>, Error>>;

/// A dump under way: the kernel is asked for the next chunk only when the last one is used up, so
/// neither side holds the table. An entry that cannot be read is an error of its own; any other
/// error ends the dump.
pub struct Dump<'c, T> {
    socket: &'c mut Socket,
    seqs: Seqs,
    doing: &'static str,
    read: Read<T>,
    /// The kernel has said its last word, or the rest is thrown away.
    ended: bool,
}

impl<'c, T> Dump<'c, T> {
    pub(crate) fn new(
        socket: &'c mut Socket,
        seqs: Seqs,
        doing: &'static str,
        read: Read<T>,
    ) -> Self {
        Self { socket, seqs, doing, read, ended: false }
    }
}

impl<T: std::fmt::Debug> Iterator for Dump<'_, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let read = match self.socket.reply(self.seqs) {
                Ok((_, Reply::Object(object))) => (self.read)(object),
                Ok((_, Reply::Done)) => {
                    self.ended = true;
                    Ok(None)
                }
                Ok((_, Reply::Refused(refusal))) => {
                    self.ended = true;
                    Err(Error::Refused { doing: self.doing, refusal })
                }
                Err(error) => {
                    self.ended = true;
                    self.socket.drain();
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
        if !self.ended {
            self.socket.drain();
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
        let message = SadFilter { proto: Some(Proto::Esp), ends }.message();
        assert_eq!(bytes(&message), captured);
    }

    #[test]
    fn kernels_that_ignore_the_filter_are_checked() {
        let all = SadFilter::default();
        assert!([50, 51, 108].iter().all(|&number| all.takes_proto(number)));
        assert!(![4, 41, 43, 60, 99].iter().any(|&number| all.takes_proto(number)));
        let esp = SadFilter { proto: Some(Proto::Esp), ends: None };
        assert!(esp.takes_proto(50) && !esp.takes_proto(51) && !esp.takes_proto(4));
        let (there, back) = (ends([1; 4], [2; 4]), ends([2; 4], [1; 4]));
        let only = SadFilter { proto: None, ends: Some(there) };
        assert!(only.takes_ends(there) && !only.takes_ends(back) && all.takes_ends(back));
    }
}
