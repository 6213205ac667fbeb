use netlink_packet_core::{Emitable, NLM_F_ACK, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader};
use netlink_packet_xfrm::XfrmMessage;
use tracing::debug;
use zeroize::{Zeroize, Zeroizing};

use crate::{Change, KernelRefusal, device::Devices, reply::NLMSG_HDRLEN, socket::Seqs, wire};

/// The most bytes of one batch.
const BYTES: usize = 128 << 10;

/// Bytes of the receive buffer that one error reply may take: its text, the `sk_buff` and the
/// allocator's rounding.
const REPLY: usize = 2 << 10;

/// Changes to be sent in one system call. The buffer holds keys: it is wiped when sent and when
/// dropped.
pub struct Batch {
    messages: Zeroizing<Vec<u8>>,
    /// The sequence number of the first change. The others follow, one each.
    first_seq: u32,
    /// The netlink port that the messages come from.
    port: u32,
    count: u32,
    /// Where the last message begins, in bytes, and its position.
    last: Option<(usize, u32)>,
    /// The changes that no message can express, by position.
    refused: Vec<(usize, KernelRefusal)>,
    devices: Devices,
    most_bytes: usize,
    most_messages: usize,
}

/// A state of a batch to go back to: [`Batch::mark`].
#[derive(Debug, Clone, Copy, Default)]
pub struct BatchMark {
    bytes: usize,
    count: u32,
    last: Option<(usize, u32)>,
    refused: usize,
}

/// How many sequence numbers are reserved for one batch. [`Batch::is_full`] is true long before, and
/// one operation appends a few changes only.
pub(crate) const RESERVED: u32 = 1 << 16;

impl Batch {
    /// An empty batch for a socket, whose changes are numbered from `first_seq` on.
    pub(crate) fn new(first_seq: u32, limits: Limits, devices: Devices) -> Self {
        let Limits { port, receive_buffer, send_buffer } = limits;
        let most = usize::try_from(RESERVED).unwrap_or(usize::MAX) / 2;
        Self {
            messages: Zeroizing::default(),
            first_seq,
            port,
            count: 0,
            last: None,
            refused: Vec::new(),
            devices,
            most_bytes: BYTES.min(send_buffer / 2),
            most_messages: (receive_buffer / REPLY).clamp(1, most),
        }
    }

    /// An empty batch of no connection, for tests of what fills and sends batches.
    #[doc(hidden)]
    #[must_use]
    pub fn of_no_connection(first_seq: u32) -> Option<Self> {
        let limits = Limits { port: 0, receive_buffer: 1 << 20, send_buffer: 1 << 20 };
        Some(Self::new(first_seq, limits, Devices::of_any_socket()?))
    }

    /// Appends a change. The batch takes it even if it is full.
    ///
    /// A change that names a device which does not exist is refused here, with ENODEV; its refusal comes
    /// out of [`crate::Connection::send`] with the kernel's.
    pub fn push(&mut self, change: &Change<'_>) {
        debug!(position = self.count, ?change, "to send");
        match change.message(&self.devices) {
            Ok(mut message) => {
                self.last = Some((self.messages.len(), self.count));
                let seq = self.seq_at(self.len());
                append(&mut self.messages, &message, NLM_F_REQUEST, (seq, self.port));
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

    /// The sequence number of the change at a position: [`model::Origin::seq`] of its event.
    #[must_use]
    pub fn seq_at(&self, position: usize) -> u32 {
        self.seqs().at(position)
    }

    /// The state to which [`Batch::roll_back`] leads back.
    #[must_use]
    pub fn mark(&self) -> BatchMark {
        BatchMark {
            bytes: self.messages.len(),
            count: self.count,
            last: self.last,
            refused: self.refused.len(),
        }
    }

    /// Removes and wipes the changes that were appended after the mark was made.
    pub fn roll_back(&mut self, mark: BatchMark) {
        self.messages[mark.bytes..].zeroize();
        self.messages.truncate(mark.bytes);
        self.refused.truncate(mark.refused);
        (self.count, self.last) = (mark.count, mark.last);
    }

    fn seqs(&self) -> Seqs {
        Seqs { first: self.first_seq, count: self.count }
    }

    /// Requests an acknowledgement of the last message only, and gives the datagram; empty if every
    /// change was refused already. The run of sequence numbers ends with the last message's.
    pub(crate) fn close(&mut self) -> (Seqs, &[u8]) {
        let Some((start, position)) = self.last else {
            return (Seqs { count: 0, ..self.seqs() }, &[]);
        };
        if let Ok(mut last) = NetlinkBuffer::new_checked(&mut self.messages[start..]) {
            last.set_flags(NLM_F_REQUEST | NLM_F_ACK);
        }
        (Seqs { count: position + 1, ..self.seqs() }, &self.messages)
    }

    /// The changes refused already, which are forgotten.
    pub(crate) fn take_refused(&mut self) -> Vec<(usize, KernelRefusal)> {
        std::mem::take(&mut self.refused)
    }

    /// Wipes and empties it, and numbers the changes to come from `first_seq` on; the room stays.
    pub(crate) fn restart(&mut self, first_seq: u32) {
        self.roll_back(BatchMark::default());
        self.first_seq = first_seq;
    }
}

/// What a socket sets bounds to, and what its messages bear.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Its netlink port.
    pub(crate) port: u32,
    /// The size of its receive buffer, in bytes.
    pub(crate) receive_buffer: usize,
    /// The size of its send buffer, in bytes.
    pub(crate) send_buffer: usize,
}

/// Appends one message, padded to four bytes, to a datagram. `from`: its sequence number and the
/// netlink port of its sender.
pub(crate) fn append(
    datagram: &mut Zeroizing<Vec<u8>>,
    message: &XfrmMessage,
    flags: u16,
    from: (u32, u32),
) {
    let length = NLMSG_HDRLEN + Emitable::buffer_len(message);
    let mut header = NetlinkHeader::default();
    header.length = length.try_into().unwrap_or(u32::MAX);
    header.message_type = message.message_type();
    header.flags = flags;
    (header.sequence_number, header.port_number) = from;
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

    fn batch(first_seq: u32) -> Batch {
        sized(first_seq, 1 << 20, 1 << 20)
    }

    fn sized(first_seq: u32, receive_buffer: usize, send_buffer: usize) -> Batch {
        Batch::new(first_seq, Limits { port: 0x99, receive_buffer, send_buffer }, devices())
    }

    fn delete(spi: u32) -> Change<'static> {
        let dst = [192, 0, 2, 2].into();
        Change::DeleteSa(SaId { dst, proto: Proto::Esp, spi: Spi(spi), mark: Mark::default() })
    }

    fn offloaded(device: &str) -> Sa {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let (device, direction) = (device.parse().unwrap(), SaDirection::Out);
        let offload = Some(Offload { device, direction, packet: false });
        Sa { offload, ..Sa::bare(ends, Proto::Esp, Spi(1)) }
    }

    #[test]
    fn messages_are_numbered_padded_and_the_last_is_acknowledged() {
        let mut batch = batch(u32::MAX);
        batch.push(&Change::FlushSad(Some(Proto::Esp)));
        batch.push(&Change::FlushSpd(model::PolicyType::Main));
        batch.push(&delete(0x1000));
        let (seqs, bytes) = batch.close();
        assert_eq!((seqs.first, seqs.count), (u32::MAX, 3));
        // Each of: ip xfrm state flush proto esp; ip xfrm policy flush;
        // ip xfrm state delete dst 192.0.2.2 proto esp spi 0x1000 (less its XFRMA_SRCADDR of ::)
        let expected = hex("11000000 1c000100 ffffffff 99000000 32 000000
            10000000 1d000100 00000000 99000000
            28000000 11000500 01000000 99000000
            c0000202 00000000 00000000 00000000 00001000 0200 32 00");
        assert_eq!(bytes, expected);
        batch.restart(9);
        assert!(batch.is_empty());
        batch.push(&delete(1));
        let (seqs, bytes) = batch.close();
        assert_eq!((seqs.first, seqs.count, bytes.len()), (9, 1, 40));
    }

    #[test]
    fn the_default_is_that_of_ip_xfrm() {
        let mut batch = batch(1);
        batch.push(&Change::SetDefault { block: true });
        batch.push(&Change::SetDefault { block: false });
        // ip xfrm policy setdefault in block fwd block out block
        // ip xfrm policy setdefault in accept fwd accept out accept
        let expected = hex("13000000 27000100 01000000 99000000 010101 00
            13000000 27000500 02000000 99000000 020202 00");
        assert_eq!(batch.close().1, expected);
    }

    #[test]
    fn a_change_that_no_message_can_express_keeps_its_position() {
        let mut batch = batch(7);
        batch.push(&Change::AddSa(&offloaded("eth-none")));
        assert_eq!(batch.close().1, b"");
        batch.push(&Change::FlushSpd(model::PolicyType::Main));
        batch.push(&Change::UpdateSa(&offloaded("eth-none")));
        let (seqs, bytes) = batch.close();
        assert_eq!((seqs.first, seqs.count), (7, 2));
        assert_eq!(bytes, hex("10000000 1d000500 08000000 99000000"));
        assert_eq!(batch.len(), 3);
        let text = Some("no network device eth-none".to_owned());
        let refusal = KernelRefusal { errno: Errno::NODEV, text };
        assert_eq!(batch.take_refused(), [(0, refusal.clone()), (2, refusal)]);
    }

    #[test]
    fn a_batch_that_is_rolled_back_is_as_it_was() {
        let mut batch = batch(7);
        batch.push(&Change::FlushSpd(model::PolicyType::Main));
        let mark = batch.mark();
        batch.push(&delete(1));
        batch.push(&Change::AddSa(&offloaded("eth-none")));
        batch.roll_back(mark);
        assert_eq!((batch.len(), batch.take_refused()), (1, Vec::new()));
        let (seqs, bytes) = batch.close();
        assert_eq!((seqs.first, seqs.count), (7, 1));
        assert_eq!(bytes, hex("10000000 1d000500 07000000 99000000"));
        batch.roll_back(BatchMark::default());
        assert!(batch.is_empty());
        assert_eq!(batch.close().1, b"");
    }

    #[test]
    fn a_small_receive_buffer_bounds_the_messages() {
        // net.core.rmem_max of 212992, doubled by the kernel
        let mut batch = sized(1, 425_984, 212_992);
        while !batch.is_full() {
            batch.push(&delete(1));
        }
        assert_eq!(batch.len(), 208);
    }
}
