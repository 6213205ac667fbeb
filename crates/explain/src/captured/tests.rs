use model::{EncapKind, IpVersion, Spi};

use super::*;
use crate::Contained;

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, protocol, 0, 0];
    [&header[..], &[192, 0, 2, 1, 192, 0, 2, 2], payload].concat()
}

/// UDP between the ports of NAT traversal.
fn natt(inside: &[u8]) -> Vec<u8> {
    let length = u8::try_from(8 + inside.len()).unwrap();
    [&[0x11, 0x94, 0x11, 0x94, 0, length, 0, 0], inside].concat()
}

const ESP_HEADER: [u8; 12] = [0, 0, 0x10, 1, 0, 0, 0, 9, 1, 2, 3, 4];

#[test]
fn esp_ends_what_can_be_read() {
    let captured = Captured::read(&ipv4(50, &ESP_HEADER)).unwrap();
    let [arrival] = captured.arrivals[..] else { panic!("{captured:?}") };
    assert_eq!((arrival.spi, arrival.sequence), (Spi(0x1001), Some(9)));
    assert_eq!((arrival.dst, arrival.encapsulation), (Some([192, 0, 2, 2].into()), Some(None)));
    assert_eq!((captured.flow, captured.length), (None, 32));
}

#[test]
fn ah_shows_what_it_has_inside() {
    let udp = [4, 210, 0, 53, 0, 8, 0, 0];
    let ah = |next, inside: &[u8]| {
        let header = [next, 4, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 3];
        ipv4(51, &[&header[..], &[0; 12], inside].concat())
    };
    let captured = Captured::read(&ah(17, &udp)).unwrap();
    let flow = captured.flow.unwrap();
    assert_eq!((flow.upper, flow.src_port, flow.dst_port), (Some(17), Some(1234), Some(53)));
    let tunnel = Captured::read(&ah(4, &ipv4(50, &ESP_HEADER))).unwrap();
    assert_eq!(tunnel.arrivals.len(), 2);
    let icmp = Captured::read(&ah(1, &[8, 0, 0, 0])).unwrap().flow.unwrap();
    assert_eq!((icmp.src_port, icmp.dst_port), (Some(8), Some(0)));
}

#[test]
fn gre_has_a_key_or_0() {
    let ports = |gre: &[u8]| {
        let flow = Captured::read(&ipv4(47, gre)).unwrap().flow.unwrap();
        flow.src_port.zip(flow.dst_port)
    };
    assert_eq!(ports(&[0x20, 0, 8, 0, 0, 2, 0, 3]), Some((2, 3)));
    assert_eq!(ports(&[0xa0, 0, 8, 0, 9, 9, 9, 9, 0, 2, 0, 3]), Some((2, 3)));
    assert_eq!(ports(&[0, 0, 8, 0]), Some((0, 0)));
    // PPTP's; one with a route; one that is cut off.
    for gre in [&[0x20, 1, 8, 0, 0, 2, 0, 3][..], &[0x60, 0, 8, 0, 0, 2, 0, 3], &[0x20, 0, 8, 0]] {
        assert_eq!(ports(gre), None);
    }
}

#[test]
fn esp_in_udp_is_not_ike() {
    let udp = |inside: &[u8]| ipv4(17, &natt(inside));
    let captured = Captured::read(&udp(&[ESP_HEADER, [5; 12]].concat())).unwrap();
    assert_eq!(captured.arrivals[0].encapsulation, Some(Some(EncapKind::EspInUdp)));
    let ike = Captured::read(&udp(&[0; 12])).unwrap();
    assert_eq!((ike.arrivals.len(), ike.flow.unwrap().dst_port), (0, Some(4500)));
}

#[test]
fn some_packets_are_not_looked_up_as_they_are() {
    let udp = |inside: &[u8]| ipv4(17, &natt(inside));
    let odd = |packet: &[u8]| {
        let captured = Captured::read(packet).unwrap();
        (captured.oddity, captured.arrivals.len())
    };
    assert_eq!(odd(&udp(&[0xff])), (Some(Oddity::Keepalive), 0));
    assert_eq!(odd(&udp(&[0xfe])), (None, 0));
    assert_eq!(odd(&udp(&ESP_HEADER)), (Some(Oddity::ShortInUdp), 0));
    assert_eq!(odd(&ipv4(50, &ESP_HEADER[..7])), (Some(Oddity::ShortHeader), 0));
    assert_eq!(odd(&ipv4(51, &[4; 11])), (Some(Oddity::ShortHeader), 0));
    assert_eq!(odd(&ipv4(50, &ESP_HEADER)), (None, 1));
    let fragment = |field: [u8; 2]| {
        let mut packet = ipv4(50, &ESP_HEADER);
        packet[6..8].copy_from_slice(&field);
        odd(&packet)
    };
    assert_eq!(fragment([0x20, 0]), (Some(Oddity::FirstFragment), 1));
    assert_eq!(fragment([0x20, 1]), (Some(Oddity::LaterFragment), 0));
    assert_eq!(fragment([0, 1]), (Some(Oddity::LaterFragment), 0));
    // What was not captured may have the rest.
    assert_eq!(Captured::read(&ipv4(50, &ESP_HEADER)[..26]), Err(CaptureError::Truncated));
}

#[test]
fn the_ports_of_esp_in_udp_may_be_others() {
    let esp = [ESP_HEADER, [5; 12]].concat();
    let udp = |ports: [u8; 4]| ipv4(17, &[&ports[..], &natt(&esp)[4..]].concat());
    let read = |ports, to: u16| {
        let is_encapsulation = &|_, _, port| port == to;
        let host = ReceivingHost { is_encapsulation, ..ReceivingHost::default() };
        Captured::read_by(&udp(ports), host).unwrap()
    };
    let esp = read([0x27, 0x11, 0x27, 0x12], 10002);
    let around = esp.udp.unwrap();
    assert_eq!(
        (esp.arrivals.len(), around.src_port, around.dst_port),
        (1, Some(10001), Some(10002))
    );
    // What comes from such a port is no ESP.
    let clear = read([0x11, 0x94, 0x14, 0xb4], 4500);
    assert_eq!(
        (clear.arrivals.len(), clear.udp, clear.flow.unwrap().dst_port),
        (0, None, Some(5300))
    );
}

#[test]
fn a_capture_has_a_link_layer() {
    let packet = ipv4(50, &ESP_HEADER);
    let file = |magic: u32, link: u32, header: &[u8]| {
        let length = u32::try_from(header.len() + packet.len()).unwrap();
        let words = [magic, 0x0004_0002, 0, 0, 65535, link, 0, 0, length, length];
        let words = words.iter().flat_map(|word| word.to_le_bytes());
        words.chain(header.iter().copied()).chain(packet.clone()).collect::<Vec<_>>()
    };
    for (link, header) in [(1, &[0; 14][..]), (101, &[]), (113, &[0; 16]), (276, &[0; 20])] {
        let captured = Captured::read(&file(0xa1b2_c3d4, link, header)).unwrap();
        assert_eq!(captured.arrivals[0].spi, Spi(0x1001));
    }
    assert_eq!(Captured::read(&file(0xa1b2_c3d4, 147, &[])), Err(CaptureError::LinkType(147)));
    assert_eq!(Captured::read(&file(0xa1b2_c3d4, 1, &[])[..24]), Err(CaptureError::Empty));
    assert_eq!(Captured::read(&[0x0a, 0x0d, 0x0d, 0x0a, 0]), Err(CaptureError::PcapNg));
}

#[test]
fn no_packet_is_too_short_to_be_refused() {
    let udp = ipv4(17, &natt(&[0, 0, 0, 1]));
    let v6 = [&[0x60, 0, 0, 0, 0, 8, 44, 64][..], &[0; 32], &[50, 0, 0, 0, 0, 0, 0, 0]].concat();
    for packet in [ipv4(51, &[4, 4, 0, 0]), ipv4(50, &ESP_HEADER), udp, v6] {
        for length in 0..packet.len() {
            // It returns.
            let captured = Captured::read(&packet[..length]);
            let _ = Contained::of(&packet[..length], false);
            for (protocol, is_tunnel) in [(4, true), (50, false), (51, false), (60, false)] {
                let Ok(mut captured) = captured.clone() else { continue };
                let _ = captured.read_on(
                    protocol,
                    &packet[..length],
                    is_tunnel,
                    ReceivingHost::default(),
                );
            }
            for ah in captured.iter().flat_map(|captured| &captured.ah) {
                let _ = (ah.sequence(), ah.header_length(), ah.parted(64, None));
            }
        }
    }
    assert_eq!(Captured::read(&[]), Err(CaptureError::NotIp));
}

/// Of what a link appends nothing is part of the packet.
#[test]
fn a_packet_is_as_long_as_its_header_has_it() {
    let esp = |declared: u8, bytes: usize| {
        let mut packet = vec![0x45, 0, 0, declared, 0, 0, 0, 0, 1, 50, 0, 0];
        packet.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        packet.resize(bytes, 7);
        Captured::of_packet(&packet).unwrap().esp.map(|esp| esp.len())
    };
    assert_eq!([esp(40, 40), esp(40, 46)], [Some(20); 2]);
    let first_fragment = || {
        let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0x20, 0, 1, 50, 0, 0];
        packet.resize(40, 7);
        Captured::of_packet(&packet).unwrap().esp
    };
    assert_eq!(first_fragment(), None);
    // It was cut off, or is to be parted.
    assert_eq!([esp(60, 46), esp(0, 46)], [None; 2]);
}

#[test]
fn what_was_decrypted_is_read_on() {
    let read = |next, decrypted: &[u8], is_tunnel| {
        let mut captured = Captured::read(&ipv4(50, &ESP_HEADER)).unwrap();
        assert!(captured.esp.take().is_some());
        let read = captured.read_on(next, decrypted, is_tunnel, ReceivingHost::default());
        read.map(|()| captured)
    };
    let udp = [4, 210, 0, 53, 0, 8, 0, 0];
    let transport = read(17, &udp, false).unwrap();
    let flow = transport.flow.unwrap();
    assert_eq!((flow.src(), flow.dst_port), (IpAddr::from([192, 0, 2, 1]), Some(53)));
    let mut inner = ipv4(17, &udp);
    (inner[15], inner[8]) = (9, 3);
    let tunnel = read(4, &inner, true).unwrap();
    assert_eq!(tunnel.flow.unwrap().src(), IpAddr::from([192, 0, 2, 9]));
    assert_eq!((tunnel.hops, tunnel.arrivals.len()), (Some(3), 1));
    // Behind transport mode it is a packet of its own protocol.
    let flow = read(4, &inner, false).unwrap().flow.unwrap();
    assert_eq!((flow.src(), flow.upper), (IpAddr::from([192, 0, 2, 1]), Some(4)));
    let nested = read(50, &ESP_HEADER, false).unwrap();
    assert_eq!((nested.arrivals.len(), nested.esp.map(|esp| esp.len())), (2, Some(12)));
    let no_ip = read(4, &udp, true).unwrap();
    assert_eq!((no_ip.flow, no_ip.inside.unwrap().oddity), (None, Oddity::ShortIpHeader));
}

#[test]
fn ah_is_for_what_does_not_change() {
    let ah = [17, 4, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 3];
    let mut packet = ipv4(51, &[&ah[..], &[9; 12], &[4, 210, 0, 53, 0, 8, 0, 0]].concat());
    let parted = |packet: &[u8], src: Option<[u8; 4]>| {
        let captured = Captured::read(packet).unwrap();
        let [ah] = &captured.ah[..] else { panic!("{captured:?}") };
        assert_eq!((ah.place, ah.sequence(), ah.header_length()), (0, Some(3), 24));
        ah.parted(12, src.map(Into::into)).unwrap()
    };
    let (bytes, code) = parted(&packet, None);
    assert_eq!((code, &bytes[32..44]), (vec![9; 12], &[0; 12][..]));
    // TOS, DF, TTL and checksum change on the way, the source must not.
    (packet[1], packet[6], packet[8], packet[10]) = (3, 0, 7, 7);
    assert_eq!(parted(&packet, None).0, bytes);
    packet[15] = 77;
    assert_ne!(parted(&packet, None).0, bytes);
    assert_eq!(parted(&packet, Some([192, 0, 2, 1])).0, bytes);
    // Options are not followed.
    let mut options = packet.clone();
    (options[0], options[3]) = (0x46, 20 + 4 + 32);
    options.splice(20..20, [1, 1, 1, 0]);
    assert!(Captured::read(&options).unwrap().ah.is_empty());
    let v6 = |class: u8, hops: u8| {
        let header = [&[0x60 | class >> 4, class << 4, 0, 1, 0, 24, 51, hops][..], &[1; 32]];
        let packet = [&header.concat()[..], &ah, &[9; 12]].concat();
        Captured::read(&packet).unwrap().ah.remove(0).parted(12, None).unwrap().0
    };
    assert_eq!(v6(0, 64), v6(0xff, 1));
}

/// A packet whose bytes end before its header has it end, or after that.
#[test]
fn a_length_is_that_of_the_header() {
    let packet = ipv4(17, &[&[4, 210, 0, 53, 0, 88, 0, 0][..], &[7; 80]].concat());
    let v6 = [&[0x60, 0, 0, 0, 0, 80, 17, 64][..], &[1; 32], &[0; 80]].concat();
    for (packet, length) in [(packet, 108), (v6, 120)] {
        for bytes in [&packet[..60], &packet, &[&packet[..], &[0; 6]].concat()] {
            let captured = Captured::of_packet(bytes).unwrap();
            let whole = captured.whole.unwrap().length;
            assert_eq!(
                (captured.length, captured.inner_length, whole),
                (length, Some(length), length)
            );
        }
    }
    // One that its device was to part.
    let mut parted = ipv4(17, &[0, 1, 0, 2, 0, 20, 0, 0]);
    parted[3] = 0;
    assert_eq!(Captured::of_packet(&parted).unwrap().length, 28);
}

#[test]
fn udp_in_another_sa_is_encapsulation_too() {
    let inner = ipv4(17, &natt(&[ESP_HEADER, [5; 12]].concat()));
    let mut captured = Captured::read(&ipv4(50, &ESP_HEADER)).unwrap();
    captured.read_on(4, &inner, true, ReceivingHost::default()).unwrap();
    let kinds = captured.arrivals.iter().map(|arrival| arrival.encapsulation);
    assert_eq!(kinds.collect::<Vec<_>>(), [Some(None), Some(Some(EncapKind::EspInUdp))]);
    assert_eq!(captured.udp, None);
}

/// What is inside of a tunnel of ESP, as a packet to this host.
fn inside(next: u8, inner: &[u8]) -> Captured {
    let mut captured = Captured::read(&ipv4(50, &ESP_HEADER)).unwrap();
    captured.read_on(next, inner, true, ReceivingHost::default()).unwrap();
    captured
}

#[test]
fn a_packet_inside_may_be_odd() {
    let odd = |next, inner: &[u8]| {
        let captured = inside(next, inner);
        assert_eq!(captured.oddity, None);
        captured.inside.map(|inside| (inside.undone, inside.oddity))
    };
    let fragment = |field: [u8; 2], protocol: u8| {
        let mut packet = ipv4(protocol, &[4, 210, 0, 53, 0, 12, 0, 0, 7, 7, 7, 7]);
        packet[6..8].copy_from_slice(&field);
        packet
    };
    assert_eq!(odd(4, &fragment([0, 0], 17)), None);
    assert_eq!(odd(4, &fragment([0x20, 0], 17)), Some((1, Oddity::FirstFragment)));
    assert_eq!(odd(4, &fragment([0, 1], 17)), Some((1, Oddity::LaterFragment)));
    assert_eq!(odd(4, &fragment([0, 1], 50)), Some((1, Oddity::LaterFragment)));
    assert_eq!(odd(4, &ipv4(50, &[0; 7])), Some((1, Oddity::ShortHeader)));
    assert_eq!(odd(4, &ipv4(17, &[4, 210, 0, 53, 0, 9, 0, 0])), Some((1, Oddity::UdpLength)));
    assert_eq!(odd(4, &ipv4(17, &[])[..19]), Some((1, Oddity::ShortIpHeader)));
    assert_eq!(odd(41, &[0x60; 39]), Some((1, Oddity::ShortIpHeader)));
    assert_eq!(odd(41, &ipv4(17, &[0; 30])), Some((1, Oddity::BadIpHeader)));
    // A host that forwards it does not put it together, and looks at no length of UDP.
    let host = ReceivingHost { takes: &|_| false, ..ReceivingHost::default() };
    let mut other = fragment([0, 1], 17);
    other[16] = 10;
    let mut captured = Captured::read(&ipv4(50, &ESP_HEADER)).unwrap();
    captured.read_on(4, &other, true, host).unwrap();
    assert_eq!((captured.inside, captured.is_fragment), (None, true));
}

#[test]
fn a_whole_packet_is_not_cut_off() {
    let ah = |length: u8, next: u8, inside: &[u8]| {
        let header = [next, length, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 3];
        ipv4(51, &[&header[..], &[0; 12], inside].concat())
    };
    let long = Captured::read(&ah(255, 17, &[])).unwrap();
    assert_eq!(long.arrivals[0].inside, Some(Contained::WrongLength));
    assert_eq!(Captured::read(&ah(255, 17, &[])[..40]), Err(CaptureError::Truncated));
    let short = Captured::read(&ah(4, 50, &[0; 4])).unwrap();
    let expected = OddInside { undone: 1, oddity: Oddity::ShortHeader, version: IpVersion::V4 };
    assert_eq!((short.arrivals.len(), short.inside), (1, Some(expected)));
    let no_ip = Captured::read(&ah(4, 4, &[0; 24])).unwrap();
    assert_eq!(no_ip.inside.unwrap().oddity, Oddity::BadIpHeader);
}

#[test]
fn lengths_of_ip_and_udp_may_be_impossible() {
    let odd = |packet: &[u8]| Captured::of_packet(packet).unwrap().oddity;
    let udp = |length: u8| ipv4(17, &[4, 210, 0, 53, 0, length, 0, 0, 1, 2]);
    let found = [0, 7, 8, 10, 11].map(|length| odd(&udp(length)));
    let wrong = Some(Oddity::UdpLength);
    assert_eq!(found, [wrong, wrong, None, None, wrong]);
    let v6 = |length: u8| {
        let header = [&[0x60, 0, 0, 0, 0, 10, 17, 64][..], &[1; 32]].concat();
        [&header[..], &[4, 210, 0, 53, 0, length, 0, 0, 1, 2]].concat()
    };
    assert_eq!([0, 7, 10, 11].map(|length| odd(&v6(length))), [None, wrong, None, wrong]);
    assert_eq!(odd(&ipv4(17, &[4, 210])), wrong);
    // What was not captured may have the rest.
    assert_eq!(odd(&udp(10)[..29]), None);
    for (place, value) in [(0, 0x44), (3, 1), (3, 19)] {
        let mut packet = udp(10);
        packet[place] = value;
        assert_eq!(odd(&packet), Some(Oddity::BadIpHeader), "{value}");
    }
    let mut options = udp(10);
    (options[0], options[3]) = (0x46, 20);
    assert_eq!(odd(&options), Some(Oddity::BadIpHeader));
}

/// Of IPv6 a fragment header is enough.
#[test]
fn a_fragment_header_hides_the_ports() {
    let with = |headers: &[&[u8]]| {
        let rest = [&headers.concat()[..], &[4, 210, 0, 53, 0, 8, 0, 0]].concat();
        let length = u8::try_from(rest.len()).unwrap();
        let packet = [&[0x60, 0, 0, 0, 0, length, 44, 64][..], &[1; 32], &rest].concat();
        let captured = Captured::of_packet(&packet).unwrap();
        let dst_port = captured.flow.unwrap().dst_port;
        (captured.oddity, captured.is_fragment, captured.whole.unwrap().is_fragment, dst_port)
    };
    let atomic = |next| [next, 0, 0, 0, 0, 0, 0, 9];
    assert_eq!(with(&[&atomic(17)]), (None, true, true, Some(53)));
    let first = [44, 0, 0, 1, 0, 0, 0, 9];
    let expected = (Some(Oddity::FirstFragment), true, true, Some(53));
    assert_eq!(with(&[&first, &atomic(17)]), expected);
}
