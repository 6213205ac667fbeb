use netlink_packet_core::{DefaultNla, Emitable, NetlinkSerializable};
use netlink_packet_generic::GenlHeader;

/// A message to a family.
#[derive(Debug)]
pub struct FamilyMessage {
    pub family: u16,
    pub command: u8,
    pub version: u8,
    pub attributes: Vec<DefaultNla>,
}

impl FamilyMessage {
    fn header(&self) -> GenlHeader {
        GenlHeader { cmd: self.command, version: self.version }
    }
}

impl NetlinkSerializable for FamilyMessage {
    fn message_type(&self) -> u16 {
        self.family
    }

    fn buffer_len(&self) -> usize {
        self.header().buffer_len() + self.attributes.as_slice().buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let header = self.header();
        let (head, rest) = buffer.split_at_mut(header.buffer_len());
        header.emit(head);
        self.attributes.as_slice().emit(rest);
    }
}
