//! What is inside of a header (`esp_remove_trailer`, net/ipv4/esp4.c; `xfrm_inner_mode_encap_remove`, net/xfrm/xfrm_input.c).

use model::{Counter, Direction, Mode, NamedUpper, Sa, Upper};

use crate::{Doubt, Reason, Verdict};

pub(crate) const IPV4: u8 = Upper::IPV4.xfrm();
pub(crate) const IPV6: u8 = Upper::IPV6.xfrm();
/// A dummy packet.
const NOTHING: u8 = NamedUpper::NoNext.number();

/// What is inside of a header of AH, ESP or IPComp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contained {
    /// What this next header is of.
    Packet(u8),
    /// Nothing: a dummy packet.
    Dummy,
    /// No packet: the padding is longer than what was decrypted.
    NoTrailer,
    /// No packet: none of its SA has the length of the header and what follows it.
    WrongLength,
    /// No packet, though there is a next header: neither padding nor headers are those of a sender.
    Garbage(u8),
    /// What this next header is of, or garbage: its padding is not that of most senders, and its header shows nothing.
    Unsure(u8),
}

impl Contained {
    /// What ESP was decrypted to, by its trailer, and that without its trailer. `is_proven`: whether the key is known to be that of
    /// the sender. Otherwise padding and headers have to show it.
    #[must_use]
    pub fn of(decrypted: &[u8], is_proven: bool) -> (Self, &[u8]) {
        let [rest @ .., length, next] = decrypted else { return (Contained::NoTrailer, &[]) };
        let length = usize::from(*length);
        let Some((packet, padding)) =
            rest.len().checked_sub(length).filter(|start| *start > 0).map(|at| rest.split_at(at))
        else {
            return (Contained::NoTrailer, &[]);
        };
        // RFC 4303, section 2.4; some senders have zeros. The kernel does not compare it, and a sender may have another one.
        let is_regular = padding.iter().zip(1..).all(|(byte, number)| *byte == number)
            || padding.iter().all(|byte| *byte == 0);
        let is_sure = is_proven || is_regular && length > 1;
        let inside = match (*next, evidence(*next, packet)) {
            (NOTHING, _) if is_proven || is_regular => Contained::Dummy,
            (next, Evidence::Right) => Contained::Packet(next),
            (next, _) if is_sure => Contained::Packet(next),
            (next, Evidence::Frequent | Evidence::Usual) if is_regular => Contained::Packet(next),
            (next, Evidence::Wrong) => Contained::Garbage(next),
            // No sender has both. A wrong key gives this next header one time in 256, and as often padding of no bytes.
            (next, Evidence::Unusual) if !is_regular => Contained::Garbage(next),
            (next, _) => Contained::Unsure(next),
        };
        (inside, packet)
    }

    /// Whether it is an IP packet.
    #[must_use]
    pub fn is_ip(self) -> bool {
        matches!(self, Contained::Packet(IPV4 | IPV6))
    }

    /// What becomes of it at the SA of the header, if it gets no further.
    pub(crate) fn stops(self, sa: &Sa) -> Option<Verdict<'static>> {
        let is_tunnel = sa.mode.installed() == Mode::Tunnel;
        let reason = match self {
            Contained::Dummy => Reason::Dummy,
            Contained::WrongLength => Reason::HeaderLength,
            Contained::NoTrailer | Contained::Garbage(NOTHING) => Reason::Decryption,
            Contained::Packet(IPV4 | IPV6) => return None,
            Contained::Packet(_) if is_tunnel => Reason::NoIpInside,
            Contained::Packet(_) => return None,
            // Of a tunnel it is dropped whichever it is.
            Contained::Unsure(_) if !is_tunnel => {
                return Some(Verdict::Unknown(Doubt::Decryption));
            }
            Contained::Garbage(next) | Contained::Unsure(next) => {
                let counters = counters(next, is_tunnel);
                return Some(Verdict::Dropped { reason: Reason::Decryption, counters });
            }
        };
        Some(Verdict::dropped(reason, Direction::In))
    }
}

/// The counters that garbage raises, which ESP itself takes for a packet.
fn counters(next: u8, is_tunnel: bool) -> &'static [Counter] {
    if is_tunnel && ![IPV4, IPV6].contains(&next) { &[Counter::InStateModeError] } else { &[] }
}

/// What the header of a packet shows of whether it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// It is: its lengths or sums are right.
    Right,
    /// It is none.
    Wrong,
    /// Nothing, and its protocol is TCP or ICMPv6.
    Frequent,
    /// Nothing, and its protocol is another usual one.
    Usual,
    /// Nothing, and its protocol is none of those.
    Unusual,
}

/// Protocols whose headers show little, of those that are often inside: hop-by-hop options, IGMP, DCCP, routing and fragment
/// headers, GRE, ESP, AH, destination options, EIGRP, OSPF, PIM, IPComp, VRRP, L2TP, SCTP, Mobile IPv6, UDP-Lite.
const USUAL: [u8; 18] =
    [0, 2, 33, 43, 44, 47, 50, 51, 60, 88, 89, 103, 108, 112, 115, 132, 135, 136];

fn evidence(protocol: u8, bytes: &[u8]) -> Evidence {
    let half = |at: usize| {
        let bytes = bytes.get(at..at + 2).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok());
        bytes.map_or(0, |bytes| usize::from(u16::from_be_bytes(bytes)))
    };
    let shown = |is_right: bool| if is_right { Evidence::Right } else { Evidence::Wrong };
    let first = bytes.first().copied().unwrap_or(0);
    match Upper::Number(protocol) {
        Upper::IPV4 => {
            let header = bytes.get(..usize::from(first & 15) * 4).unwrap_or_default();
            let has_length = header.len() >= 20 && (header.len()..=bytes.len()).contains(&half(2));
            shown(first >> 4 == 4 && has_length && sum(header) == u16::MAX)
        }
        Upper::IPV6 => shown(first >> 4 == 6 && half(4) + 40 <= bytes.len()),
        Upper::UDP => shown((8..=bytes.len()).contains(&half(4))),
        Upper::ICMP => shown(bytes.len() >= 8 && sum(bytes) == u16::MAX),
        Upper::TCP => {
            let header = bytes.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4);
            let is_possible = (20..=bytes.len()).contains(&header);
            if is_possible { Evidence::Frequent } else { Evidence::Wrong }
        }
        Upper::ICMPV6 => Evidence::Frequent,
        _ if USUAL.contains(&protocol) => Evidence::Usual,
        _ => Evidence::Unusual,
    }
}

/// The sum of RFC 1071, which is all ones if the bytes have their checksum.
fn sum(bytes: &[u8]) -> u16 {
    let halves = bytes.chunks(2).map(|half| {
        let [high, low] = [half[0], half.get(1).copied().unwrap_or(0)];
        u32::from(u16::from_be_bytes([high, low]))
    });
    let sum = halves.fold(0, |sum: u32, half| {
        let sum = sum + half;
        (sum & 0xffff) + (sum >> 16)
    });
    u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Proto, Spi};

    use super::*;

    /// UDP of 12 bytes, and a trailer.
    fn udp(trailer: &[u8]) -> Vec<u8> {
        [&[0, 1, 0, 2, 0, 12, 0, 0, 7, 7, 7, 7][..], trailer].concat()
    }

    fn inside(bytes: &[u8]) -> Contained {
        Contained::of(bytes, false).0
    }

    #[test]
    fn the_trailer_shows_whether_a_packet_is_inside() {
        assert_eq!(
            Contained::of(&udp(&[1, 2, 2, 17]), false),
            (Contained::Packet(17), &udp(&[])[..])
        );
        assert_eq!(inside(&udp(&[0, 17])), Contained::Packet(17));
        // A sender with other padding, and one that makes packets longer than they are.
        assert_eq!(inside(&udp(&[9, 9, 2, 17])), Contained::Packet(17));
        assert_eq!(inside(&udp(&[0, 0, 0, 0, 1, 2, 2, 17])), Contained::Packet(17));
        // A protocol that is not known here.
        assert_eq!(inside(&udp(&[1, 2, 2, 200])), Contained::Packet(200));
        assert_eq!(inside(&udp(&[9, 9, 2, 200])), Contained::Garbage(200));
        assert_eq!(inside(&udp(&[9, 9, 2, 4])), Contained::Garbage(4));
        // Padding by chance, as some senders have, and a protocol whose header shows nothing.
        assert_eq!(inside(&udp(&[9, 9, 2, 89])), Contained::Unsure(89));
        assert_eq!(inside(&udp(&[0, 4])), Contained::Garbage(4));
        assert_eq!(inside(&udp(&[1, 2, 2, 59])), Contained::Dummy);
        // `esp_remove_trailer`: what is left must not be empty.
        assert_eq!(inside(&udp(&[12, 17])), Contained::NoTrailer);
        assert_eq!(inside(&udp(&[11, 200])), Contained::Garbage(200));
        assert_eq!([inside(&[]), inside(&[0]), inside(&[0, 17])], [Contained::NoTrailer; 3]);
    }

    /// One of 256 wrong keys gives a trailer without padding.
    #[test]
    fn no_padding_proves_nothing() {
        for (next, expected) in [
            (6, Contained::Garbage(6)),
            (89, Contained::Packet(89)),
            (102, Contained::Unsure(102)),
            (1, Contained::Garbage(1)),
        ] {
            assert_eq!(inside(&udp(&[0, next])), expected);
        }
        // Padding of zeros, as some senders have.
        for next in [58, 89, 102] {
            assert_eq!(inside(&udp(&[0, 0, 2, next])), Contained::Packet(next));
        }
    }

    #[test]
    fn a_key_that_is_proven_decrypts_packets() {
        let of = |bytes: &[u8]| Contained::of(bytes, true).0;
        for next in [1, 4, 6, 17, 89, 102] {
            assert_eq!(of(&[7, 7, 7, 0, 0, 2, next]), Contained::Packet(next));
        }
        assert_eq!(of(&[7, 7, 0, 0, 2, 59]), Contained::Dummy);
        assert_eq!(of(&[7, 7, 200, 17]), Contained::NoTrailer);
    }

    #[test]
    fn a_checksum_shows_a_packet() {
        let ping = [8, 0, 0xf7, 0xfd, 0, 1, 0, 1];
        assert_eq!(inside(&[&ping[..], &[0, 0, 2, 1]].concat()), Contained::Packet(1));
        assert_eq!(inside(&[&ping[..7], &[2, 9, 9, 2, 1]].concat()), Contained::Garbage(1));
        let header = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        let v4 = |version: u8, length: u8| {
            let mut bytes = header;
            (bytes[0], bytes[3]) = (version << 4 | 5, length);
            let checksum = !sum(&bytes);
            bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
            inside(&[&bytes[..], &[0, 4]].concat())
        };
        assert_eq!([v4(4, 20), v4(4, 21), v4(6, 20)].map(Contained::is_ip), [true, false, false]);
        assert_eq!(inside(&[&header[..], &[0, 4]].concat()), Contained::Garbage(4));
    }

    #[test]
    fn the_mode_decides_what_may_be_inside() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let counters = |inside: Contained, mode: Mode| {
            let sa = Sa { mode: mode.into(), ..Sa::bare(ends, Proto::Esp, Spi(0x1000)) };
            match inside.stops(&sa) {
                None => None,
                Some(Verdict::Dropped { counters, .. }) => Some(counters),
                Some(other) => panic!("{other:?}"),
            }
        };
        let [proto, mode] =
            [&[Counter::InStateProtoError][..], &[Counter::InStateModeError]].map(Some);
        let each = |inside| [Mode::Transport, Mode::Tunnel].map(|mode| counters(inside, mode));
        assert_eq!(each(Contained::Packet(4)), [None, None]);
        assert_eq!(each(Contained::Packet(17)), [None, mode]);
        assert_eq!(each(Contained::Garbage(17)), [Some(&[][..]), mode]);
        assert_eq!(each(Contained::Garbage(59)), [proto; 2]);
        assert_eq!(each(Contained::NoTrailer), [proto; 2]);
        assert_eq!(each(Contained::Dummy), [proto; 2]);
        assert_eq!(counters(Contained::Unsure(89), Mode::Tunnel), mode);
        assert_eq!(counters(Contained::Packet(17), Mode::Beet), None);
    }
}
