//! Captured packets that are not looked up as they are: fragments, keepalives, and those that end in a header. Each is received by
//! the second host: the counters that are explained are those that the kernel raises.

use scenarios::{Outcome, Packet, Pair};

use super::{
    captured::{Ends, V4, V6, agrees, captured, digits, loaded, received},
    in_udp::socket,
    stories::explain,
};
const KEYS: &str = r#"-E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;
const ESP: u8 = 50;
const AH: u8 = 51;
const IPCOMP: u8 = 108;
const UDP: u8 = 17;

/// The sum of RFC 1071 of an IP header.
pub fn checksum(header: &[u8]) -> [u8; 2] {
    let halves = header.chunks(2).enumerate().filter(|(place, _)| *place != 5);
    let sum: u32 = halves.map(|(_, half)| u32::from(half[0]) << 8 | u32::from(half[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = u16::try_from((folded & 0xffff) + (folded >> 16)).expect("16 bits");
    (!folded).to_be_bytes()
}

/// The packet with another protocol, and this in the place of what follows the IP header. `fragment`: the offset in 8 bytes, and
/// whether more follow.
pub fn with(
    packet: &Packet,
    protocol: u8,
    payload: &[u8],
    fragment: Option<(u16, bool)>,
) -> Packet {
    let is_v4 = packet.version == 4;
    let mut frame = packet.frame[..14 + if is_v4 { 20 } else { 40 }].to_vec();
    let length = |bytes: usize| u16::try_from(bytes).expect("a packet").to_be_bytes();
    if is_v4 {
        frame[16..18].copy_from_slice(&length(20 + payload.len()));
        let field = fragment.map_or(0, |(offset, more)| offset | u16::from(more) << 13);
        frame[20..22].copy_from_slice(&field.to_be_bytes());
        frame[23] = protocol;
        let sum = checksum(&frame[14..34]);
        frame[24..26].copy_from_slice(&sum);
    } else {
        let extension = fragment.map(|(offset, more)| {
            let field = (offset << 3 | u16::from(more)).to_be_bytes();
            [protocol, 0, field[0], field[1], 0, 0, 0, 9]
        });
        let extension = extension.as_ref().map_or(&[][..], |header| &header[..]);
        frame[20] = if extension.is_empty() { protocol } else { 44 };
        frame[18..20].copy_from_slice(&length(extension.len() + payload.len()));
        frame.extend(extension);
    }
    frame.extend(payload);
    Packet { frame, ..packet.clone() }
}

/// ESP that the first host has sent to the second, which has the SA too.
fn esp(pair: &Pair, ends: Ends) -> Packet {
    let sa = ends.sa(&format!("esp {KEYS}"));
    let tables = |direction| format!("{sa} {}", ends.policy(direction, "esp/transport//require"));
    let packet = captured(pair, ends, &tables("out"), &[9]).remove(0);
    loaded(pair, &tables("in"));
    packet
}

#[test]
fn a_header_is_cut_off() {
    let pair = Pair::without_sas();
    for ends in [V4, V6] {
        let packet = esp(&pair, ends);
        let others = [("ah", r#"-A hmac-sha1 "twenty bytes of key!""#), ("ipcomp", "-C deflate")];
        for (protocol, keys) in others {
            pair.b.load(&ends.sa(&format!("{protocol} {keys}")).replace("0x1001", "0x1002"));
        }
        for (protocol, most) in [(ESP, 7), (AH, 11), (IPCOMP, 3)] {
            for length in [0, most] {
                let short = with(&packet, protocol, &[0; 12][..length], None);
                let (explanation, text) = agrees(&pair, &short, "");
                assert_eq!(explanation["reason"], "too short", "{text}");
                assert_eq!(explanation["counters"][0], "XfrmInHdrError", "{text}");
            }
        }
        // With the whole header it is looked up.
        let whole = with(&packet, ESP, &[0, 0, 0x10, 0x77, 0, 0, 0, 1], None);
        assert_eq!(agrees(&pair, &whole, "").0["reason"], "unknown SPI");
    }
}

#[test]
fn a_keepalive_has_nothing_inside() {
    let pair = Pair::without_sas();
    let packet = esp(&pair, V4);
    pair.b.load("spdflush;");
    let _socket = socket(&pair.b, 4500);
    let udp = |inside: &[u8]| {
        let length = u8::try_from(8 + inside.len()).expect("short");
        let header = [0x11, 0x94, 0x11, 0x94, 0, length, 0, 0];
        with(&packet, UDP, &[&header[..], inside].concat(), None)
    };
    let (explanation, text) = agrees(&pair, &udp(&[0xff]), "");
    assert_eq!(explanation["reason"], "keepalive", "{text}");
    // What is not longer than a header of ESP is for the key management program.
    for inside in [&[0xfe][..], &[0xff; 2], &[0, 0, 0x10, 1, 0, 0, 0, 9]] {
        let (explanation, text) = agrees(&pair, &udp(inside), "");
        assert_eq!(explanation["verdict"], "clear", "{text}");
    }
    let esp = |length: usize| {
        let mut inside = vec![0, 0, 0x10, 0x77, 0, 0, 0, 9];
        inside.resize(length, 1);
        inside
    };
    for (length, reason) in [(9, "too short"), (19, "too short"), (20, "unknown SPI")] {
        let (explanation, text) = agrees(&pair, &udp(&esp(length)), "");
        assert_eq!(explanation["reason"], reason, "{text}");
    }
    // Its policy is checked first.
    pair.b.load("spdadd 192.0.2.1 192.0.2.2 any -P in ipsec esp/transport//require;");
    let (explanation, text) = agrees(&pair, &udp(&[0xff]), "");
    assert_eq!(explanation["reason"], "template mismatch", "{text}");
}

/// The host that a packet is for puts it together.
#[test]
fn a_packet_comes_in_fragments() {
    let pair = Pair::without_sas();
    for (ends, variable) in [(V4, "net.ipv4.ipfrag"), (V6, "net.ipv6.ip6frag")] {
        let packet = esp(&pair, ends);
        let payload = &packet.frame[14 + if packet.version == 4 { 20 } else { 40 }..];
        let [first, later] = [(&payload[..16], 0, true), (&payload[16..], 2, false)]
            .map(|(part, offset, more)| with(&packet, ESP, part, Some((offset, more))));
        let explained = |packet: &Packet| {
            explain(
                &pair.b,
                &format!("in {} {} udp --from {}", ends.0, ends.1, digits(&packet.frame[14..])),
            )
        };
        let (explanation, text) = explained(&first);
        assert_eq!(explanation["verdict"], "protected", "{text}");
        assert!(text.contains("what was captured is a fragment: "), "{text}");
        let (explanation, text) = explained(&later);
        assert_eq!(explanation["verdict"], "unknown", "{text}");
        assert!(text.contains("it is a later fragment"), "{text}");
        let fragments = [first, later];
        assert_eq!(received(&pair, &fragments), (Vec::new(), true));
        let limit = |bytes: u32| {
            let set = format!("sysctl -qw {variable}_low_thresh=0 {variable}_high_thresh={bytes}");
            Outcome::success(pair.b.command("sh").args(["-ec", &set]));
        };
        limit(0);
        for fragment in &fragments {
            let (explanation, text) =
                agrees(&pair, fragment, &format!("{} {} udp", ends.0, ends.1));
            assert_eq!(explanation["reason"], "reassembly", "{text}");
            assert!(text.contains(&format!("sysctl -w {variable}_high_thresh")), "{text}");
        }
    }
}
