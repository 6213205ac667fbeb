use netlink_packet_core::{Emitable, NLM_F_ACK, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader};
use netlink_packet_xfrm::XfrmMessage;
use tracing::debug;
use zeroize::{Zeroize, Zeroizing};

use crate::{Change, Refusal, device::Devices, reply::NLMSG_HDRLEN, socket::Seqs, wire};

/// The most bytes of one batch.
const BYTES: usize = 128 << 10;

/// Bytes of the receive buffer that one error reply may take: its text, the `sk_buff` and the
/// allocator's rounding.
const REPLY: usize = 2 << 10;

/// Changes to be sent in one system call. The buffer holds keys: it is wiped when sent and when
/// dropped.
pub struct Batch {
    /// Each with its position for a sequence number.
    messages: Zeroizing<Vec<u8>>,
    count: u32,
    /// Where the last message begins.
    last: usize,
    /// The changes that no message can ask for, by position.
    refused: Vec<(usize, Refusal)>,
    devices: Devices,
    most_bytes: usize,
    most_messages: usize,
}

impl Batch {
    /// An empty batch for a socket with buffers of these sizes in bytes.
    pub(crate) fn new(receive_buffer: usize, send_buffer: usize, devices: Devices) -> Self {
        Self {
            messages: Zeroizing::default(),
            count: 0,
            last: 0,
            refused: Vec::new(),
            devices,
            most_bytes: BYTES.min(send_buffer / 2),
            most_messages: (receive_buffer / REPLY).max(1),
        }
    }

    /// Appends a change. The batch takes it even if it is full.
    ///
    /// An SA whose offload device does not exist is refused here, with ENODEV; its refusal comes
    /// out of [`crate::Connection::send`] with the kernel's.
    pub fn push(&mut self, change: &Change<'_>) {
        debug!(position = self.count, ?change, "to send");
        match change.message(&self.devices) {
            Ok(mut message) => {
                self.last = self.messages.len();
                append(&mut self.messages, &message, NLM_F_REQUEST, self.count);
                wire::wipe(&mut message);
            }
            Err(refusal) => self.refused.push((self.len(), refusal)),
        }
        self.count += 1;
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

    /// Numbers the messages from `first` on, says that they come from `port`, asks for an
    /// acknowledgement of the last one only, and gives the datagram; empty if every change was
    /// refused already. The run of sequence numbers ends with the last message's.
    pub(crate) fn number(&mut self, first: u32, port: u32) -> (Seqs, &[u8]) {
        let mut seqs = Seqs { first, count: 0 };
        let mut rest = &mut self.messages[..];
        while let Ok(mut message) = NetlinkBuffer::new_checked(&mut *rest) {
            let position = message.sequence_number();
            message.set_sequence_number(first.wrapping_add(position));
            message.set_port_number(port);
            seqs.count = position + 1;
            let length = usize::try_from(message.length()).unwrap_or(usize::MAX);
            rest = &mut rest[length.next_multiple_of(4)..];
        }
        if let Ok(mut last) = NetlinkBuffer::new_checked(&mut self.messages[self.last..]) {
            last.set_flags(NLM_F_REQUEST | NLM_F_ACK);
        }
        (seqs, &self.messages)
    }

    /// The changes refused already, which are forgotten.
    pub(crate) fn take_refused(&mut self) -> Vec<(usize, Refusal)> {
        std::mem::take(&mut self.refused)
    }

    /// Wipes and empties it; the room stays.
    pub(crate) fn clear(&mut self) {
        self.messages.zeroize();
        self.refused.clear();
        (self.count, self.last) = (0, 0);
    }
}

/// Appends one message, padded to four bytes, to a datagram.
pub(crate) fn append(
    datagram: &mut Zeroizing<Vec<u8>>,
    message: &XfrmMessage,
    flags: u16,
    seq: u32,
) {
    let length = NLMSG_HDRLEN + Emitable::buffer_len(message);
    let mut header = NetlinkHeader::default();
    header.length = length.try_into().unwrap_or(u32::MAX);
    header.message_type = message.message_type();
    header.flags = flags;
    header.sequence_number = seq;
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
    use model::{AddressPair, Mark, Offload, Proto, Sa, SaDirection, SaId, Spi};
    use rustix::io::Errno;

    use super::*;
    use crate::{device::testing::devices, wire::testing::hex};

    fn delete(spi: u32) -> Change<'static> {
        let dst = [192, 0, 2, 2].into();
        Change::DeleteSa(SaId { dst, proto: Proto::Esp, spi: Spi(spi), mark: Mark::default() })
    }

    fn offloaded(device: &str) -> Sa {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let (device, direction) = (device.to_owned(), SaDirection::Out);
        let offload = Some(Offload { device, direction, packet: false });
        Sa { offload, ..Sa::bare(ends, Proto::Esp, Spi(1)) }
    }

    #[test]
    fn messages_are_numbered_padded_and_the_last_is_acknowledged() {
        let mut batch = Batch::new(1 << 20, 1 << 20, devices());
        batch.push(&Change::FlushSad(Some(Proto::Esp)));
        batch.push(&Change::FlushSpd);
        batch.push(&delete(0x1000));
        let (seqs, bytes) = batch.number(u32::MAX, 0);
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
        assert_eq!(batch.number(9, 0).1.len(), 40);
    }

    #[test]
    fn the_default_is_that_of_ip_xfrm() {
        let mut batch = Batch::new(1 << 20, 1 << 20, devices());
        batch.push(&Change::SetDefault { block: true });
        batch.push(&Change::SetDefault { block: false });
        // ip xfrm policy setdefault in block fwd block out block
        // ip xfrm policy setdefault in accept fwd accept out accept
        let expected = hex("13000000 27000100 01000000 00000000 010101 00
            13000000 27000500 02000000 00000000 020202 00");
        assert_eq!(batch.number(1, 0).1, expected);
    }

    #[test]
    fn a_change_that_no_message_can_say_keeps_its_position() {
        let mut batch = Batch::new(1 << 20, 1 << 20, devices());
        batch.push(&Change::AddSa(&offloaded("eth-none")));
        assert_eq!(batch.number(7, 0x99).1, b"");
        batch.push(&Change::FlushSpd);
        batch.push(&Change::UpdateSa(&offloaded("eth-none")));
        let (seqs, bytes) = batch.number(7, 0x99);
        assert_eq!((seqs.first, seqs.count), (7, 2));
        assert_eq!(bytes, hex("10000000 1d000500 08000000 99000000"));
        assert_eq!(batch.len(), 3);
        let text = Some("no network device eth-none".to_owned());
        let refusal = Refusal { errno: Errno::NODEV, text };
        assert_eq!(batch.take_refused(), [(0, refusal.clone()), (2, refusal)]);
    }

    #[test]
    fn a_small_receive_buffer_bounds_the_messages() {
        // net.core.rmem_max of 212992, doubled by the kernel
        let mut batch = Batch::new(425_984, 212_992, devices());
        while !batch.is_full() {
            batch.push(&delete(1));
        }
        assert_eq!(batch.len(), 208);
    }
}
