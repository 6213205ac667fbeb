//! What is inside of headers and not looked up as it is, and lengths that no packet has. Each is received by the second host, which
//! raises what was explained.

use scenarios::{Outcome, Packet, Pair};
use serde_json::Value;

use super::{
    captured::{Ends, V4, V6, agrees, digits, loaded, received},
    forged::{SHA1, any, esp, ipv4, null, udp},
    in_udp::socket,
    odd::{checksum, with},
    stories::explain,
};

const ESP: u8 = 50;
const AH: u8 = 51;
const UDP: u8 = 17;
const CBC: &str = r#"-E aes-cbc "sixteen byte key""#;

/// A host behind the first one, and the second one.
const HERE: [[u8; 4]; 2] = [[10, 1, 0, 7], [192, 0, 2, 2]];
const TUNNEL: &str = "ipsec esp/tunnel/192.0.2.1-192.0.2.2/require";

/// The first host is the end of a tunnel to the second, which has the SA.
fn tunnel(pair: &Pair, tables: &str) {
    pair.b.ip("route replace 10.1.0.0/24 via 192.0.2.1");
    loaded(pair, &format!("{} {tables}", V4.sa(&format!("esp -r 0 -m tunnel -E null {SHA1}"))));
}

/// ESP of the tunnel with this inside.
fn through(any: &Packet, next: u8, inner: &[u8]) -> Packet {
    with(any, ESP, &esp(0x1001, 1, &null(inner, &[1, 2], next)), None)
}

/// UDP to a socket that takes ESP is a packet of its own, wherever it came out.
#[test]
fn esp_in_udp_comes_out_of_a_tunnel() {
    let pair = Pair::without_sas();
    let any = any(&pair, V4);
    let _socket = socket(&pair.b, 4500);
    let inner = esp(0x1002, 1, &null(&udp([4000, 5300], b"x"), &[1], UDP));
    let packet = through(&any, 4, &ipv4(HERE, UDP, 0, &udp([4500, 4500], &inner)));
    for (encap, reason) in [("-encap espinudp 4500 4500", None), ("", Some("encapsulation"))] {
        tunnel(
            &pair,
            &format!(
                "add 10.1.0.7 192.0.2.2 esp 0x1002 -r 0 {encap} -E null {SHA1};
                spdadd 10.1.0.7 192.0.2.2 any -P in {TUNNEL};"
            ),
        );
        let (explanation, text) = agrees(&pair, &packet, "");
        assert_eq!(explanation["reason"].as_str(), reason, "{text}");
        assert_eq!(explanation["received"].as_array().map(Vec::len), Some(2), "{text}");
    }
}

/// The ports of a fragment are in the first one: the host puts it together, and then checks its policy.
#[test]
fn fragments_come_out_of_a_tunnel() {
    let pair = Pair::without_sas();
    let any = any(&pair, V4);
    tunnel(
        &pair,
        &format!(
            "spdadd 10.1.0.7 192.0.2.2[5300] udp -P in prio high {TUNNEL};
            spdadd 10.1.0.7 192.0.2.2 any -P in discard;"
        ),
    );
    let bytes = udp([4000, 5300], &[b'x'; 24]);
    let [first, later] = [(&bytes[..16], 0x2000), (&bytes[16..], 2)]
        .map(|(part, field)| through(&any, 4, &ipv4(HERE, UDP, field, part)));
    let explained =
        |packet: &Packet| explain(&pair.b, &format!("in --from {}", digits(&packet.frame[14..])));
    let (explanation, text) = explained(&first);
    assert_eq!(explanation["verdict"], "protected", "{text}");
    assert!(text.contains("what is inside is a fragment"), "{text}");
    let (explanation, text) = explained(&later);
    assert_eq!(explanation["verdict"], "unknown", "{text}");
    assert!(text.contains("it is a later fragment"), "{text}");
    let fragments = [first, later];
    assert_eq!(received(&pair, &fragments), (Vec::new(), true));
    let set = "sysctl -qw net.ipv4.ipfrag_low_thresh=0 net.ipv4.ipfrag_high_thresh=0";
    Outcome::success(pair.b.command("sh").args(["-ec", set]));
    for fragment in &fragments {
        let (explanation, text) = agrees(&pair, fragment, "");
        assert_eq!(explanation["reason"], "reassembly", "{text}");
        assert!(text.contains("sysctl -w net.ipv4.ipfrag_high_thresh"), "{text}");
    }
}

/// A host looks up what it sends before it parts it: a later fragment does not show what a policy has compared.
#[test]
fn a_fragment_was_sent() {
    let pair = Pair::without_sas();
    let any = any(&pair, V4);
    let later = with(&any, UDP, &[b'x'; 64], Some((185, false)));
    let words = format!("out --from {}", digits(&later.frame[14..]));
    let counter = Some("XfrmOutPolBlock");
    for (policy, verdict, counted) in [
        ("", "clear", None),
        ("spdadd 192.0.2.1 192.0.2.2[5300] udp -P out discard;", "unknown", counter),
        ("spdadd 192.0.2.1 192.0.2.2 udp -P out discard;", "dropped", counter),
    ] {
        pair.a.load(&format!("flush; spdflush; {policy}"));
        let (explanation, text) = explain(&pair.a, &words);
        assert_eq!(explanation["verdict"], verdict, "{text}");
        let before = scenarios::counters(&pair.a);
        let send = "head -c 3000 /dev/zero >/dev/udp/192.0.2.2/5300";
        let _ = Outcome::of(pair.a.command("bash").args(["-c", send]));
        let mut raised = scenarios::counters(&pair.a);
        raised.retain(|name, number| name.starts_with("Xfrm") && before.get(name) != Some(number));
        assert_eq!(raised.keys().map(String::as_str).next(), counted, "{text}");
    }
}

/// ESP without room for a trailer, or whose ciphertext is no whole blocks.
#[test]
fn esp_has_a_wrong_length() {
    let pair = Pair::without_sas();
    for ends in [V4, V6] {
        let any = any(&pair, ends);
        let gcm = r#"-E aes-gcm-16 "sixteen byte keysalt""#.to_owned();
        let bare = |length: usize| {
            let mut bytes = vec![0, 0, 0x10, 1, 0, 0, 0, 1];
            bytes.resize(length, 1);
            bytes
        };
        // IV of 16 bytes, ICV of 12.
        let cbc = [
            bare(8),
            bare(20),
            esp(0x1001, 1, &[]),
            esp(0x1001, 1, &[7; 16]),
            esp(0x1001, 1, &[7; 40]),
        ];
        for (keys, packets) in
            [(format!("{CBC} {SHA1}"), &cbc[..]), (gcm, &[bare(8), bare(16), bare(32), bare(34)])]
        {
            loaded(&pair, &ends.sa(&format!("esp -r 0 {keys}")));
            for packet in packets {
                let (explanation, text) = agrees(&pair, &with(&any, ESP, packet, None), "");
                assert_eq!(explanation["reason"], "header length", "{text}");
                assert_eq!(explanation["counters"][0], "XfrmInStateProtoError", "{text}");
            }
        }
    }
}

/// A whole packet that ends in a header inside of another one.
#[test]
fn a_header_inside_is_cut_off() {
    let pair = Pair::without_sas();
    let any = any(&pair, V4);
    loaded(&pair, &V4.sa(&format!("ah -r 0 {SHA1}")));
    let ah = |length: u8| [&[UDP, length, 0, 0, 0, 0, 0x10, 1, 0, 0, 0, 1][..], &[0; 28]].concat();
    let (explanation, text) = agrees(&pair, &with(&any, AH, &ah(255), None), "");
    assert_eq!(explanation["counters"][0], "XfrmInStateProtoError", "{text}");
    loaded(&pair, &V4.sa(&format!("esp -r 0 -E null {SHA1}")));
    for (next, length) in [(ESP, 4), (AH, 11)] {
        let packet = through(&any, next, &[0; 11][..length]);
        let (explanation, text) = agrees(&pair, &packet, "");
        assert_eq!(explanation["counters"][0], "XfrmInHdrError", "{text}");
    }
    tunnel(&pair, &format!("spdadd 0.0.0.0/0 0.0.0.0/0 any -P in {TUNNEL};"));
    let (explanation, text) = agrees(&pair, &through(&any, 4, &ipv4(HERE, ESP, 0, &[0; 4])), "");
    assert_eq!(explanation["counters"][0], "XfrmInHdrError", "{text}");
    let inner = ipv4(HERE, UDP, 0, &udp([4000, 5300], b"x"));
    let other_version = [&[0x65][..], &inner[1..]].concat();
    for (inner, counted) in
        [(&inner[..19], Some("XfrmInStateModeError")), (&other_version, None), (&inner, None)]
    {
        let (explanation, text) = agrees(&pair, &through(&any, 4, inner), "");
        assert_eq!(explanation["counters"][0].as_str(), counted, "{text}");
        let is_whole = inner.len() > 19 && inner[0] == 0x45;
        assert_eq!(explanation["reason"] == "IP header", !is_whole, "{text}");
    }
}

/// The verdict without a counter, although a policy discards all that it is looked up for.
#[track_caller]
fn is_dropped_before(pair: &Pair, packet: &Packet, reason: &str) {
    let (explanation, text) = agrees(pair, packet, "");
    assert_eq!(explanation["reason"], reason, "{text}");
    assert_eq!(explanation["counters"], Value::Null, "{text}");
}

fn discarding(pair: &Pair, ends: Ends) {
    loaded(pair, &format!("spdadd {} {} any -P in discard;", ends.0, ends.1));
}

#[test]
fn udp_has_a_wrong_length() {
    let pair = Pair::without_sas();
    let _socket = socket(&pair.b, 4500);
    for ends in [V4, V6] {
        let any = any(&pair, ends);
        discarding(&pair, ends);
        for port in [4500, 5300] {
            let udp = |length: u16| {
                let fields = [port, port, length, 0].map(u16::to_be_bytes).concat();
                with(&any, UDP, &[&fields[..], &[7; 24]].concat(), None)
            };
            for length in [1, 7, 33, 65535] {
                is_dropped_before(&pair, &udp(length), "UDP length");
            }
            is_dropped_before(&pair, &with(&any, UDP, &[7; 7], None), "UDP length");
            if ends.0 == V4.0 {
                is_dropped_before(&pair, &udp(0), "UDP length");
                assert_eq!(agrees(&pair, &udp(8), "").0["reason"], "policy discards");
            } else {
                let (explanation, text) =
                    explain(&pair.b, &format!("in --from {}", digits(&udp(0).frame[14..])));
                assert_eq!(explanation["reason"], "policy discards", "{text}");
            }
        }
    }
}

#[test]
fn an_ip_header_has_wrong_lengths() {
    let pair = Pair::without_sas();
    let any = any(&pair, V4);
    discarding(&pair, V4);
    let packet = with(&any, UDP, &udp([4000, 5300], &[7; 24]), None);
    for (place, value) in [(0, 0x44), (0, 0x40), (3, 19), (3, 1)] {
        let mut wrong = packet.clone();
        wrong.frame[14 + place] = value;
        let sum = checksum(&wrong.frame[14..34]);
        wrong.frame[24..26].copy_from_slice(&sum);
        is_dropped_before(&pair, &wrong, "IP header");
    }
    assert_eq!(agrees(&pair, &packet, "").0["reason"], "policy discards");
}

/// UDP of IPv6 with its checksum.
fn udp6(src: [u16; 8], dst: [u16; 8], ports: [u16; 2]) -> Vec<u8> {
    let mut bytes = udp(ports, b"question");
    let length = u16::try_from(bytes.len()).expect("short");
    let halves = bytes.chunks(2).map(|half| u16::from_be_bytes([half[0], half[1]]));
    let all = src.into_iter().chain(dst).chain([length, u16::from(UDP)]).chain(halves);
    let sum: u32 = all.map(u32::from).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).expect("16 bits");
    bytes[6..8].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// A gateway looks at no port behind a fragment header, also if the packet is whole.
#[test]
fn a_fragment_header_comes_out_of_a_tunnel() {
    let pair = Pair::without_sas();
    let any = any(&pair, V6);
    pair.b.ip("link add lan type dummy
        link set lan up
        addr add 2001:db8:2::1/64 dev lan nodad
        neigh add 2001:db8:2::9 lladdr 02:00:00:00:00:09 dev lan nud permanent
        route add 2001:db8:1::/64 via 2001:db8::1");
    Outcome::success(pair.b.command("sysctl").args(["-qw", "net.ipv6.conf.all.forwarding=1"]));
    let template = "ipsec esp/tunnel/2001:db8::1-2001:db8::2/require";
    loaded(
        &pair,
        &format!(
            "{} spdadd 2001:db8:1::/64 2001:db8:2::/64 any -P fwd {template};
            spdadd 2001:db8:1::/64 2001:db8:2::/64[53] udp -P fwd prio high discard;",
            V6.sa(&format!("esp -r 0 -m tunnel -E null {SHA1}"))
        ),
    );
    let (src, dst) = ([0x2001, 0xdb8, 1, 0, 0, 0, 0, 7], [0x2001, 0xdb8, 2, 0, 0, 0, 0, 9]);
    let dns = udp6(src, dst, [4000, 53]);
    let inner = |headers: &[u8], next: u8| {
        let rest = [headers, &dns].concat();
        let length = u8::try_from(rest.len()).expect("short");
        let addresses = src.into_iter().chain(dst).flat_map(u16::to_be_bytes);
        let packet = [0x60, 0, 0, 0, 0, length, next, 64].into_iter().chain(addresses);
        packet.chain(rest).collect::<Vec<u8>>()
    };
    for (inner, reason) in
        [(inner(&[], UDP), Some("policy discards")), (inner(&[UDP, 0, 0, 0, 0, 0, 0, 9], 44), None)]
    {
        let packet = through(&any, 41, &inner);
        let (explanation, text) =
            explain(&pair.b, &format!("fwd --from {}", digits(&packet.frame[14..])));
        let (raised, _) = received(&pair, std::slice::from_ref(&packet));
        assert_eq!(explanation["reason"].as_str(), reason, "{text}");
        assert_eq!(
            explanation["counters"].as_array().cloned().unwrap_or_default(),
            raised,
            "{text}"
        );
    }
}
