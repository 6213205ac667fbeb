//! The packet of an alert: where its IP header begins, and what its headers have.

use drop_monitor::Alert;
use explain::Captured;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;

/// Bytes of the header of Ethernet.
const ETHERNET: usize = 14;

/// A packet that was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The destination of its header of Ethernet, if it has one.
    pub mac: Option<[u8; 6]>,
    /// Its headers. The packet inside is also that which ESP or AH in transport mode has left behind.
    pub captured: Captured,
    /// The bytes of the whole packet with its IP header.
    pub length: u32,
}

impl Head {
    /// Reads the packet of an alert; none: it is no IP packet, or truncated within a header.
    pub fn read(alert: &Alert) -> Option<Self> {
        let link = link_header(&alert.head, alert.protocol)?;
        let ip = alert.head.get(link..)?;
        let length = alert.length.saturating_sub(u32::try_from(link).ok()?);
        let mut captured = Captured::of_packet(ip).ok()?;
        if captured.flow.is_none() && !captured.arrivals.is_empty() {
            captured.flow = left_behind(ip, length).and_then(|it| it.flow);
        }
        let mac = alert.head.first_chunk().copied().filter(|_| link >= ETHERNET);
        Some(Self { mac, captured, length })
    }
}

/// The bytes before the IP header: a device of Ethernet has a header, a tunnel device none.
pub fn link_header(head: &[u8], protocol: u16) -> Option<usize> {
    let half =
        |at: usize| head.get(at..at + 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    let version = match protocol {
        IPV4 => 4,
        IPV6 => 6,
        _ => return None,
    };
    let begins_at = |at: usize| head.get(at).is_some_and(|byte| byte >> 4 == version);
    let is_tagged = half(12) == Some(VLAN) && half(16) == Some(protocol);
    let of_ethernet = if is_tagged { ETHERNET + 4 } else { ETHERNET };
    // After decapsulation the type may be that of the packet outside.
    let has_type = is_tagged || matches!(half(12), Some(IPV4 | IPV6));
    if has_type && begins_at(of_ethernet) { Some(of_ethernet) } else { begins_at(0).then_some(0) }
}

/// The packet that ESP or AH in transport mode has left: the kernel has moved the IP header up to it
/// (`xfrm_transport_input`, net/xfrm/xfrm_input.c), and the bytes before have the old headers. Its length is the
/// rest of the whole.
fn left_behind(ip: &[u8], length: u32) -> Option<Captured> {
    const FARTHEST: usize = 96;
    let outer = Captured::of_packet(ip).ok()?;
    (8..FARTHEST).step_by(4).find_map(|at| {
        let moved = ip.get(at..)?;
        let own = match moved.first()? >> 4 {
            4 => u32::from(u16::from_be_bytes([*moved.get(2)?, *moved.get(3)?])),
            6 => 40 + u32::from(u16::from_be_bytes([*moved.get(4)?, *moved.get(5)?])),
            _ => return None,
        };
        let is_rest = own + u32::try_from(at).ok()? == length;
        let captured = Captured::of_packet(moved).ok().filter(|_| is_rest)?;
        (captured.ends == outer.ends).then_some(captured)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ICMP from 192.0.2.1 to 192.0.2.2, after ESP of SPI 0x1001 with this number of bytes before it.
    fn packet(protocol: u8, length: u16) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        let mut ip = vec![0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0];
        ip.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        ip
    }

    fn alert(head: Vec<u8>, protocol: u16) -> Alert {
        let length = u32::try_from(head.len()).unwrap();
        Alert { head, protocol, length, ..Alert::default() }
    }

    fn framed(packet: &[u8]) -> Vec<u8> {
        [&[2; 12][..], &[8, 0], packet].concat()
    }

    #[test]
    fn the_ip_header_is_found() {
        let icmp = [packet(1, 28), vec![8, 0, 0, 0, 0, 0, 0, 0]].concat();
        for (head, mac) in [(framed(&icmp), Some([2; 6])), (icmp.clone(), None)] {
            let head = Head::read(&alert(head, IPV4)).unwrap();
            assert_eq!((head.mac, head.length), (mac, 28));
            assert_eq!(head.captured.flow.unwrap().src_port, Some(8));
        }
        let tagged = [&[2; 12][..], &[0x81, 0, 0, 7, 8, 0], &icmp].concat();
        assert_eq!(link_header(&tagged, IPV4), Some(18));
        assert_eq!(link_header(&framed(&icmp), 0x0806), None);
        for length in 0..icmp.len() {
            let _ = Head::read(&alert(icmp[..length].to_vec(), IPV4));
        }
    }

    #[test]
    fn what_transport_mode_has_left_is_found() {
        let esp = [0, 0, 0x10, 1, 0, 0, 0, 9, 1, 2, 3, 4];
        let inner = [packet(17, 28), vec![0, 7, 0, 53, 0, 8, 0, 0]].concat();
        let whole = [packet(50, 60), esp.to_vec(), inner].concat();
        let head = Head::read(&alert(framed(&whole), IPV4)).unwrap();
        assert_eq!(head.captured.arrivals[0].spi.0, 0x1001);
        let flow = head.captured.flow.unwrap();
        assert_eq!((flow.upper, flow.dst_port), (Some(17), Some(53)));
        // Of another length it is something else.
        let longer = [framed(&whole), vec![0; 4]].concat();
        assert_eq!(Head::read(&alert(longer, IPV4)).unwrap().captured.flow, None);
    }
}
