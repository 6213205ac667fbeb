use netlink_packet_core::{Emitable, NLM_F_ACK, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader};
use netlink_packet_xfrm::XfrmMessage;
use tracing::debug;
use zeroize::{Zeroize, Zeroizing};

use crate::{Change, reply::NLMSG_HDRLEN, socket::Seqs, wire};

/// The most bytes of one batch.
const BYTES: usize = 128 << 10;

/// Bytes of the receive buffer that one error reply may take: its text, the `sk_buff` and the
/// allocator's rounding.
const REPLY: usize = 2 << 10;

/// Changes to be sent in one system call. The buffer holds keys: it is wiped when sent and when
/// dropped.
pub struct Batch {
    messages: Zeroizing<Vec<u8>>,
    count: u32,
    last: usize,
    most_bytes: usize,
    most_messages: usize,
}

impl Batch {
    /// An empty batch for a socket with buffers of these sizes in bytes.
    pub(crate) fn new(receive_buffer: usize, send_buffer: usize) -> Self {
        Self {
            messages: Zeroizing::default(),
            count: 0,
            last: 0,
            most_bytes: BYTES.min(send_buffer / 2),
            most_messages: (receive_buffer / REPLY).max(1),
        }
    }

    /// Appends a change. The batch takes it even if it is full.
    pub fn push(&mut self, change: &Change<'_>) {
        debug!(position = self.count, ?change, "to send");
        let mut message = change.message();
        self.last = self.messages.len();
        append(&mut self.messages, &message, NLM_F_REQUEST);
        self.count += 1;
        wire::wipe(&mut message);
    }

    /// The number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.try_into().unwrap_or(usize::MAX)
    }

    /// Whether there is no change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether it is time to send: the next change could exceed the send buffer, or its error
    /// reply the receive buffer.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.messages.len() >= self.most_bytes || self.len() >= self.most_messages
    }

    /// Numbers the messages from `first`, asks for an acknowledgement of the last one only, and
    /// gives the datagram.
    pub(crate) fn number(&mut self, first: u32) -> (Seqs, &[u8]) {
        let mut seq = first;
        let mut rest = &mut self.messages[..];
        while let Ok(mut message) = NetlinkBuffer::new_checked(&mut *rest) {
            message.set_sequence_number(seq);
            seq = seq.wrapping_add(1);
            let length = usize::try_from(message.length()).unwrap_or(usize::MAX);
            rest = &mut rest[length.next_multiple_of(4)..];
        }
        if let Ok(mut last) = NetlinkBuffer::new_checked(&mut self.messages[self.last..]) {
            last.set_flags(NLM_F_REQUEST | NLM_F_ACK);
        }
        (Seqs { first, count: self.count }, &self.messages)
    }

    /// Wipes and empties it; the room stays.
    pub(crate) fn clear(&mut self) {
        self.messages.zeroize();
        (self.count, self.last) = (0, 0);
    }
}

/// Appends one message, padded to four bytes, to a datagram.
pub(crate) fn append(datagram: &mut Zeroizing<Vec<u8>>, message: &XfrmMessage, flags: u16) {
    let length = NLMSG_HDRLEN + Emitable::buffer_len(message);
    let mut header = NetlinkHeader::default();
    header.length = length.try_into().unwrap_or(u32::MAX);
    header.message_type = message.message_type();
    header.flags = flags;
    let start = datagram.len();
    let end = (start + length).next_multiple_of(4);
    reserve(datagram, end);
    datagram.resize(end, 0);
    let place = &mut datagram[start..start + length];
    header.emit(place);
    message.emit(&mut place[NLMSG_HDRLEN..]);
}

/// Makes room for `capacity` bytes and wipes the old place, which a growing `Vec` would not.
fn reserve(datagram: &mut Zeroizing<Vec<u8>>, capacity: usize) {
    if datagram.capacity() < capacity {
        let mut wider = Zeroizing::new(Vec::with_capacity(capacity.next_power_of_two()));
        wider.extend_from_slice(datagram);
        *datagram = wider;
    }
}

#[cfg(test)]
mod tests {
    use ipsec::{Proto, SaId, Spi};

    use super::*;
    use crate::wire::testing::hex;

    fn delete(spi: u32) -> Change<'static> {
        Change::DeleteSa(SaId { dst: [192, 0, 2, 2].into(), proto: Proto::Esp, spi: Spi(spi) })
    }

    #[test]
    fn messages_are_numbered_padded_and_the_last_is_acknowledged() {
        let mut batch = Batch::new(1 << 20, 1 << 20);
        batch.push(&Change::FlushSad(Some(Proto::Esp)));
        batch.push(&Change::FlushSpd);
        batch.push(&delete(0x1000));
        let (seqs, bytes) = batch.number(u32::MAX);
        assert_eq!((seqs.first, seqs.count), (u32::MAX, 3));
        // Each of: ip xfrm state flush proto esp; ip xfrm policy flush;
        // ip xfrm state delete dst 192.0.2.2 proto esp spi 0x1000 (less its XFRMA_SRCADDR of ::)
        let expected = hex("11000000 1c000100 ffffffff 00000000 32 000000
            10000000 1d000100 00000000 00000000
            28000000 11000500 01000000 00000000
            c0000202 00000000 00000000 00000000 00001000 0200 32 00");
        assert_eq!(bytes, expected);
        batch.clear();
        assert!(batch.is_empty());
        batch.push(&delete(1));
        assert_eq!(batch.number(9).1.len(), 40);
    }

    #[test]
    fn a_small_receive_buffer_bounds_the_messages() {
        // net.core.rmem_max of 212992, doubled by the kernel
        let mut batch = Batch::new(425_984, 212_992);
        while !batch.is_full() {
            batch.push(&delete(1));
        }
        assert_eq!(batch.len(), 208);
    }
}
