//! The heads of packets that were captured.

use std::net::IpAddr;

use explain::{Arrival, Captured, Flow};
use model::{DeviceName, Upper};

/// What an ICMP message reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IcmpKind {
    /// A packet may not be fragmented and is longer than this MTU, bytes.
    TooBig(u32),
    /// The protocol is unknown to the destination.
    NoProtocol,
    /// No program has the port at the destination.
    NoPort,
    /// A router has no route.
    NoRoute,
    /// A router cannot reach the destination.
    NoHost,
    /// A firewall does not permit the packet.
    Prohibited,
}

/// An ICMP message about a packet that was dropped on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcmpError {
    /// What it reports.
    pub kind: IcmpKind,
    /// The packet that was dropped, as far as the message has it.
    pub packet: Captured,
}

/// What is kept of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPacket {
    /// Whether this host has sent it.
    pub is_outgoing: bool,
    /// The device that it arrived at or left by.
    pub device: Option<DeviceName>,
    /// Source and destination.
    pub ends: (IpAddr, IpAddr),
    /// The headers of AH, ESP and IPComp. Their sequence numbers, and what is inside, are left out.
    pub arrivals: Vec<Arrival>,
    /// The packet inside, or all of it; none: it is encrypted.
    pub flow: Option<Flow>,
    /// What it reports, if it is an ICMP message about another packet.
    pub error: Option<IcmpError>,
}

/// Packets that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What they have in common.
    pub packet: SeenPacket,
    /// How many there were.
    pub count: u64,
}

impl SeenPacket {
    /// Reads the head of an IP packet; none: it is no IP packet, or ends within a header.
    #[must_use]
    pub fn read(bytes: &[u8], is_outgoing: bool, device: Option<DeviceName>) -> Option<Self> {
        let captured = Captured::of_packet(bytes).ok()?;
        let error = icmp_error(bytes, &captured);
        let (mut arrivals, flow) = (captured.arrivals, captured.flow);
        for arrival in &mut arrivals {
            (arrival.sequence, arrival.inside) = (None, None);
        }
        Some(Self { is_outgoing, device, ends: captured.ends, arrivals, flow, error })
    }

    /// Whether it has no header of AH, ESP or IPComp.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.arrivals.is_empty()
    }
}

const ICMP: u8 = Upper::ICMP.xfrm();
const ICMPV6: u8 = Upper::ICMPV6.xfrm();

fn icmp_error(bytes: &[u8], captured: &Captured) -> Option<IcmpError> {
    let flow = captured.flow.filter(|_| captured.arrivals.is_empty())?;
    let start = match flow.upper? {
        ICMP => usize::from(bytes.first()? & 15) * 4,
        // Without extension headers, which such messages do not have.
        ICMPV6 if bytes.get(6) == Some(&ICMPV6) => 40,
        _ => return None,
    };
    let message = bytes.get(start..)?;
    let half = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    let (kind, code) = (*message.first()?, *message.get(1)?);
    let kind = match (flow.upper?, kind, code) {
        (ICMP, 3, 4) => IcmpKind::TooBig(half(6)?.into()),
        (ICMPV6, 2, _) => IcmpKind::TooBig(u32::from(half(4)?) << 16 | u32::from(half(6)?)),
        (ICMP, 3, 2) | (ICMPV6, 4, 1) => IcmpKind::NoProtocol,
        (ICMP, 3, 3) | (ICMPV6, 1, 4) => IcmpKind::NoPort,
        (ICMP, 3, 9 | 10 | 13) | (ICMPV6, 1, 1 | 5 | 6) => IcmpKind::Prohibited,
        (ICMP, 3, 0 | 6) | (ICMPV6, 1, 0) => IcmpKind::NoRoute,
        (ICMP, 3, _) | (ICMPV6, 1, _) => IcmpKind::NoHost,
        _ => return None,
    };
    let packet = Captured::of_packet(message.get(8..)?).ok()?;
    Some(IcmpError { kind, packet })
}

#[cfg(test)]
mod tests {
    use model::Spi;

    use super::*;

    fn ip(protocol: u8, src: u8, dst: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
        bytes.extend([192, 0, 2, src, 192, 0, 2, dst]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn esp_is_named_by_its_spi() {
        let bytes = ip(50, 1, 2, &[0, 0, 0x10, 1, 0, 0, 0, 7, 9, 9]);
        let seen = SeenPacket::read(&bytes, false, None).unwrap();
        assert_eq!((seen.arrivals[0].spi, seen.arrivals[0].sequence), (Spi(0x1001), None));
        assert!(!seen.is_clear() && seen.flow.is_none() && seen.error.is_none());
    }

    #[test]
    fn icmp_has_the_packet_that_it_is_about() {
        let lost = ip(50, 1, 2, &[0, 0, 0x10, 1, 0, 0, 0, 7]);
        let mut message = vec![3, 4, 0, 0, 0, 0, 0x05, 0x78];
        message.extend(&lost);
        let seen = SeenPacket::read(&ip(1, 9, 1, &message), false, None).unwrap();
        let error = seen.error.unwrap();
        assert_eq!(error.kind, IcmpKind::TooBig(1400));
        assert_eq!(error.packet.arrivals[0].spi, Spi(0x1001));
        message[1] = 2;
        let seen = SeenPacket::read(&ip(1, 9, 1, &message), false, None).unwrap();
        assert_eq!(seen.error.unwrap().kind, IcmpKind::NoProtocol);
    }

    #[test]
    fn what_is_cut_short_is_nothing_or_less() {
        let bytes = ip(50, 1, 2, &[0, 0, 0x10, 1, 0, 0, 0, 7]);
        for length in 0..bytes.len() {
            assert_eq!(SeenPacket::read(&bytes[..length], true, None), None, "{length}");
        }
        let seen = SeenPacket::read(&ip(1, 9, 1, &[3, 4, 0]), false, None).unwrap();
        assert_eq!(seen.error, None);
    }
}
