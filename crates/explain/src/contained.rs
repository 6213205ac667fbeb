//! What is inside of a header (`esp_remove_trailer`, net/ipv4/esp4.c; `xfrm_inner_mode_encap_remove`, net/xfrm/xfrm_input.c).

use model::{Counter, Direction, Mode, Sa, Upper};

use crate::{Reason, Verdict};

const IPV4: u8 = 4;
const IPV6: u8 = 41;
/// A dummy packet.
const NOTHING: u8 = 59;

/// What is inside of a header of AH, ESP or IPComp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contained {
    /// What this next header is of.
    Packet(u8),
    /// Nothing: a dummy packet.
    Dummy,
    /// No packet: the padding is longer than what was decrypted.
    NoTrailer,
    /// No packet, though there is a next header: neither padding nor headers are those of a sender.
    Garbage(u8),
}

impl Contained {
    /// What ESP was decrypted to, by its trailer, and that without its trailer.
    #[must_use]
    pub fn of(decrypted: &[u8]) -> (Self, &[u8]) {
        let [rest @ .., length, next] = decrypted else { return (Contained::NoTrailer, &[]) };
        let length = usize::from(*length);
        let Some((packet, padding)) =
            rest.len().checked_sub(length).filter(|start| *start > 0).map(|at| rest.split_at(at))
        else {
            return (Contained::NoTrailer, &[]);
        };
        // RFC 4303, section 2.4. The kernel does not compare it, and a sender may have another one.
        let is_counted = padding.iter().zip(1..).all(|(byte, number)| *byte == number);
        let is_sure = is_counted && length > 1;
        let is_packet = match is_packet(*next, packet) {
            Some(is_packet) => is_packet || is_sure,
            None => is_counted,
        };
        let inside = match *next {
            NOTHING if is_counted => Contained::Dummy,
            next if is_packet => Contained::Packet(next),
            next => Contained::Garbage(next),
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
            Contained::NoTrailer | Contained::Garbage(NOTHING) => Reason::Decryption,
            Contained::Packet(IPV4 | IPV6) => return None,
            Contained::Packet(_) if is_tunnel => Reason::NoIpInside,
            Contained::Packet(_) => return None,
            Contained::Garbage(next) => {
                let counters = counters(next, is_tunnel);
                return Some(Verdict::Dropped { reason: Reason::Decryption, counters });
            }
        };
        Some(Verdict::dropped(reason, Direction::In))
    }
}

/// The counters that garbage raises, which ESP itself takes for a packet.
fn counters(next: u8, is_tunnel: bool) -> &'static [Counter] {
    match next {
        IPV4 | IPV6 => &[],
        _ if is_tunnel => &[Counter::InStateModeError],
        // An SPI by chance.
        50 | 51 | 108 => &[Counter::InNoStates],
        _ => &[],
    }
}

/// Whether this is a packet of a protocol; none: its header does not show it.
fn is_packet(protocol: u8, bytes: &[u8]) -> Option<bool> {
    let half = |at: usize| {
        let bytes = bytes.get(at..at + 2).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok());
        bytes.map_or(0, |bytes| usize::from(u16::from_be_bytes(bytes)))
    };
    let version = bytes.first().map_or(0, |first| first >> 4);
    match protocol {
        IPV4 => Some(version == 4 && (20..=bytes.len()).contains(&half(2))),
        IPV6 => Some(version == 6 && half(4) + 40 <= bytes.len()),
        _ if protocol == Upper::UDP.xfrm() => Some((8..=bytes.len()).contains(&half(4))),
        _ if protocol == Upper::TCP.xfrm() => bytes.get(12).map(|offset| {
            let header = usize::from(offset >> 4) * 4;
            (20..=bytes.len()).contains(&header)
        }),
        _ => None,
    }
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
        Contained::of(bytes).0
    }

    #[test]
    fn the_trailer_shows_whether_a_packet_is_inside() {
        assert_eq!(Contained::of(&udp(&[1, 2, 2, 17])), (Contained::Packet(17), &udp(&[])[..]));
        assert_eq!(inside(&udp(&[0, 17])), Contained::Packet(17));
        // A sender with other padding, and one that makes packets longer than they are.
        assert_eq!(inside(&udp(&[9, 9, 2, 17])), Contained::Packet(17));
        assert_eq!(inside(&udp(&[0, 0, 0, 0, 1, 2, 2, 17])), Contained::Packet(17));
        // A protocol that is not known here.
        assert_eq!(inside(&udp(&[1, 2, 2, 200])), Contained::Packet(200));
        assert_eq!(inside(&udp(&[9, 9, 2, 200])), Contained::Garbage(200));
        assert_eq!(inside(&udp(&[9, 9, 2, 4])), Contained::Garbage(4));
        assert_eq!(inside(&udp(&[0, 4])), Contained::Garbage(4));
        assert_eq!(inside(&udp(&[1, 2, 2, 59])), Contained::Dummy);
        // `esp_remove_trailer`: what is left must not be empty.
        assert_eq!(inside(&udp(&[12, 17])), Contained::NoTrailer);
        assert_eq!(inside(&udp(&[11, 200])), Contained::Garbage(200));
        assert_eq!([inside(&[]), inside(&[0]), inside(&[0, 17])], [Contained::NoTrailer; 3]);
    }

    #[test]
    fn an_ip_packet_has_its_length() {
        let v4 = |version: u8, length: u8| {
            let mut bytes = [0; 20];
            (bytes[0], bytes[3]) = (version << 4 | 5, length);
            inside(&[&bytes[..], &[0, 4]].concat())
        };
        assert_eq!([v4(4, 20), v4(4, 21), v4(6, 20)].map(Contained::is_ip), [true, false, false]);
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
        assert_eq!(counters(Contained::Packet(17), Mode::Beet), None);
    }
}
