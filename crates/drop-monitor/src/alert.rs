//! A packet that was dropped.

use std::time::{Duration, SystemTime};

use netlink_packet_core::{
    DecodeError, NetlinkBuffer, NlaBuffer, NlasIterator, parse_u16, parse_u32, parse_u64,
};
use netlink_packet_generic::GenlHeader;

use crate::wire::{attribute, command};

/// Bytes of the header of generic netlink (`GENL_HDRLEN`).
const GENL_HDRLEN: usize = 4;

/// A packet that was dropped, and where.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Alert {
    /// The name of the drop reason; none before Linux 5.17.
    pub reason: Option<String>,
    /// The place in the kernel, as `function+0x5a/0x8e0 [module]`.
    pub symbol: String,
    /// The number of the network device that it was received by, in whichever network namespace; none:
    /// it is of this host.
    pub device: Option<u32>,
    /// When it was dropped, nanoseconds since 1970, UTC.
    pub time: u64,
    /// Bytes of the whole packet, from its link-layer header on.
    pub length: u32,
    /// The EtherType.
    pub protocol: u16,
    /// The packet from its link-layer header on, truncated.
    pub head: Vec<u8>,
    /// Whether a device has dropped it, and not the kernel.
    pub is_of_hardware: bool,
}

impl Alert {
    /// Reads a message of the kernel; none: it is no alert about a packet.
    ///
    /// Errors: for a message that is truncated.
    pub(crate) fn read(message: &[u8]) -> Result<Option<Self>, DecodeError> {
        let message = NetlinkBuffer::new_checked(message)?;
        let payload = message.payload();
        if GenlHeader::parse(payload)?.cmd != command::PACKET_ALERT {
            return Ok(None);
        }
        let mut alert = Self::default();
        for nla in NlasIterator::new(&payload[GENL_HDRLEN..]) {
            alert.add(&nla?)?;
        }
        Ok(Some(alert))
    }

    fn add(&mut self, nla: &NlaBuffer<&[u8]>) -> Result<(), DecodeError> {
        let value = nla.value();
        match nla.kind() {
            attribute::REASON => self.reason = Some(text(value)),
            attribute::SYMBOL => self.symbol = text(value),
            attribute::PC if self.symbol.is_empty() => {
                self.symbol = format!("{:#x}", parse_u64(value)?);
            }
            attribute::IN_PORT => self.device = device(value)?,
            attribute::TIMESTAMP => self.time = parse_u64(value)?,
            attribute::ORIG_LEN => self.length = parse_u32(value)?,
            attribute::PROTO => self.protocol = parse_u16(value)?,
            attribute::PAYLOAD => self.head = value.to_vec(),
            attribute::ORIGIN => self.is_of_hardware = parse_u16(value)? == 1,
            _ => {}
        }
        Ok(())
    }

    /// The function of the kernel, without the offset.
    #[must_use]
    pub fn function(&self) -> &str {
        self.symbol.split(['+', ' ']).next().unwrap_or_default()
    }

    /// When it was dropped.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.time)
    }
}

/// A string up to its zero byte. Bytes that are not UTF-8 are replaced.
fn text(value: &[u8]) -> String {
    let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn device(nested: &[u8]) -> Result<Option<u32>, DecodeError> {
    for nla in NlasIterator::new(nested) {
        let nla = nla?;
        if nla.kind() == attribute::PORT_INDEX {
            return parse_u32(nla.value()).map(Some);
        }
    }
    Ok(None)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An attribute with its padding.
    fn nla(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// An alert as `net_dm_packet_report_fill` (net/core/drop_monitor.c) makes it.
    pub(crate) fn message() -> Vec<u8> {
        let attributes = [
            nla(attribute::ORIGIN, &0_u16.to_ne_bytes()),
            nla(attribute::PC, &0xffff_ffff_8100_0000_u64.to_ne_bytes()),
            nla(23, b"XFRM_POLICY\0"),
            nla(attribute::SYMBOL, b"icmp_rcv+0x17c/0x4e0\0"),
            nla(attribute::IN_PORT, &nla(attribute::PORT_INDEX, &2_u32.to_ne_bytes())),
            nla(attribute::TIMESTAMP, &1_700_000_000_000_000_001_u64.to_ne_bytes()),
            nla(attribute::ORIG_LEN, &98_u32.to_ne_bytes()),
            nla(attribute::PROTO, &0x0800_u16.to_ne_bytes()),
            nla(attribute::PAYLOAD, &[7; 34]),
        ]
        .concat();
        let length = u32::try_from(20 + attributes.len()).unwrap();
        let header = [&length.to_ne_bytes()[..], &26_u16.to_ne_bytes(), &[0; 10], &[5, 2, 0, 0]];
        [header.concat(), attributes].concat()
    }

    #[test]
    fn an_alert_is_read() {
        let alert = Alert::read(&message()).unwrap().unwrap();
        assert_eq!(alert.reason.as_deref(), Some("XFRM_POLICY"));
        assert_eq!((alert.function(), alert.symbol.as_str()), ("icmp_rcv", "icmp_rcv+0x17c/0x4e0"));
        assert_eq!((alert.device, alert.length, alert.protocol), (Some(2), 98, 0x0800));
        assert_eq!((alert.time, alert.head.len()), (1_700_000_000_000_000_001, 34));
    }

    #[test]
    fn another_message_is_no_alert() {
        let mut other = message();
        other[16] = 1; // NET_DM_CMD_ALERT
        assert!(Alert::read(&other).unwrap().is_none());
    }

    #[test]
    fn a_truncated_message_is_refused_without_a_panic() {
        let whole = message();
        for length in 0..whole.len() {
            let mut cut = whole[..length].to_vec();
            assert!(Alert::read(&cut).is_err(), "{length} bytes");
            // Also if it does not say so.
            if length >= 16 {
                cut[..4].copy_from_slice(&u32::try_from(length).unwrap().to_ne_bytes());
                let _ = Alert::read(&cut);
            }
        }
    }
}
