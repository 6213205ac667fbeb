//! Attributes of Linux 6.10 and later. Kernels before them ignore them.
//!
//! Hand-written because netlink-packet-xfrm does not know them: variants of its `XfrmAttrs` would end it.

use netlink_packet_core::{DecodeError, DefaultNla, Nla, parse_u8, parse_u16, parse_u32};
use netlink_packet_xfrm::XfrmAttrs;

pub(super) const XFRMA_SA_DIR: u16 = 33;
const XFRMA_NAT_KEEPALIVE_INTERVAL: u16 = 34;
const XFRMA_SA_PCPU: u16 = 35;
const XFRMA_IPTFS_DROP_TIME: u16 = 36;
const XFRMA_IPTFS_REORDER_WINDOW: u16 = 37;
pub(super) const XFRMA_IPTFS_DONT_FRAG: u16 = 38;
const XFRMA_IPTFS_INIT_DELAY: u16 = 39;
const XFRMA_IPTFS_MAX_QSIZE: u16 = 40;
const XFRMA_IPTFS_PKT_SIZE: u16 = 41;

/// One of these attributes (linux/xfrm.h). Numbers are in host order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recent {
    /// `XFRM_SA_DIR_*` (6.10).
    SaDirection(u8),
    /// Seconds; 0 for none (6.11).
    NatKeepaliveInterval(u32),
    /// Number of a CPU (6.13).
    SaPerCpu(u32),
    /// Microseconds (6.14, as the following).
    IpTfsDropTime(u32),
    /// Packets.
    IpTfsReorderWindow(u16),
    IpTfsDontFragment,
    /// Microseconds.
    IpTfsInitDelay(u32),
    /// Bytes.
    IpTfsMaxQueueSize(u32),
    /// Bytes.
    IpTfsPacketSize(u32),
}

impl Recent {
    /// Reads an attribute, if it is one of these.
    pub(super) fn parse(attribute: &DefaultNla) -> Result<Option<Self>, DecodeError> {
        let mut value = vec![0; attribute.value_len()];
        attribute.emit_value(&mut value);
        Ok(Some(match attribute.kind() {
            XFRMA_SA_DIR => Recent::SaDirection(parse_u8(&value)?),
            XFRMA_NAT_KEEPALIVE_INTERVAL => Recent::NatKeepaliveInterval(parse_u32(&value)?),
            XFRMA_SA_PCPU => Recent::SaPerCpu(parse_u32(&value)?),
            XFRMA_IPTFS_DROP_TIME => Recent::IpTfsDropTime(parse_u32(&value)?),
            XFRMA_IPTFS_REORDER_WINDOW => Recent::IpTfsReorderWindow(parse_u16(&value)?),
            XFRMA_IPTFS_DONT_FRAG => Recent::IpTfsDontFragment,
            XFRMA_IPTFS_INIT_DELAY => Recent::IpTfsInitDelay(parse_u32(&value)?),
            XFRMA_IPTFS_MAX_QSIZE => Recent::IpTfsMaxQueueSize(parse_u32(&value)?),
            XFRMA_IPTFS_PKT_SIZE => Recent::IpTfsPacketSize(parse_u32(&value)?),
            _ => return Ok(None),
        }))
    }
}

impl From<Recent> for XfrmAttrs {
    fn from(attribute: Recent) -> Self {
        let (kind, value) = match attribute {
            Recent::SaDirection(number) => (XFRMA_SA_DIR, vec![number]),
            Recent::NatKeepaliveInterval(seconds) => {
                (XFRMA_NAT_KEEPALIVE_INTERVAL, seconds.to_ne_bytes().to_vec())
            }
            Recent::SaPerCpu(cpu) => (XFRMA_SA_PCPU, cpu.to_ne_bytes().to_vec()),
            Recent::IpTfsDropTime(time) => (XFRMA_IPTFS_DROP_TIME, time.to_ne_bytes().to_vec()),
            Recent::IpTfsReorderWindow(packets) => {
                (XFRMA_IPTFS_REORDER_WINDOW, packets.to_ne_bytes().to_vec())
            }
            Recent::IpTfsDontFragment => (XFRMA_IPTFS_DONT_FRAG, Vec::new()),
            Recent::IpTfsInitDelay(time) => (XFRMA_IPTFS_INIT_DELAY, time.to_ne_bytes().to_vec()),
            Recent::IpTfsMaxQueueSize(size) => (XFRMA_IPTFS_MAX_QSIZE, size.to_ne_bytes().to_vec()),
            Recent::IpTfsPacketSize(size) => (XFRMA_IPTFS_PKT_SIZE, size.to_ne_bytes().to_vec()),
        };
        XfrmAttrs::Other(DefaultNla::new(kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::{bytes, hex};

    #[test]
    fn each_has_the_number_and_size_of_linux_xfrm_h() {
        for (attribute, wire) in [
            (Recent::SaDirection(2), "05002100 02000000"),
            (Recent::NatKeepaliveInterval(20), "08002200 14000000"),
            (Recent::SaPerCpu(3), "08002300 03000000"),
            (Recent::IpTfsDropTime(1_000_000), "08002400 40420f00"),
            (Recent::IpTfsReorderWindow(300), "06002500 2c010000"),
            (Recent::IpTfsDontFragment, "04002600"),
            (Recent::IpTfsInitDelay(0), "08002700 00000000"),
            (Recent::IpTfsMaxQueueSize(0x0010_0000), "08002800 00001000"),
            (Recent::IpTfsPacketSize(1500), "08002900 dc050000"),
        ] {
            let written = XfrmAttrs::from(attribute);
            assert_eq!(bytes(&written), hex(wire), "{attribute:?}");
            let XfrmAttrs::Other(other) = written else { panic!("{written:?}") };
            assert_eq!(Recent::parse(&other).unwrap(), Some(attribute));
        }
        assert_eq!(Recent::parse(&DefaultNla::new(42, Vec::new())).unwrap(), None);
        assert!(Recent::parse(&DefaultNla::new(XFRMA_SA_PCPU, vec![1])).is_err());
    }
}
