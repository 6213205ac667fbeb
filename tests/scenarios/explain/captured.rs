//! What only the bytes of a captured packet show. Each is captured on the wire, explained by the second host, and sent again: the
//! counters that are explained are those that the kernel raises.

use std::{fmt::Write as _, thread::sleep, time::Duration};

use scenarios::{Outcome, Packet, Pair, counters, protocol};
use serde_json::Value;

use super::{odd::checksum, stories::explain};
use crate::saved::send_again;

const AH: &str = r#"-A hmac-sha1 "twenty bytes of key!""#;
const SHA1: &str = r#"-A hmac-sha1 "twenty bytes of key!""#;
const CBC: &str = r#"-E aes-cbc "sixteen byte key""#;

/// The ends of an SA, and the templates between them.
#[derive(Clone, Copy)]
pub struct Ends(pub &'static str, pub &'static str);

pub const V4: Ends = Ends("192.0.2.1", "192.0.2.2");
pub const V6: Ends = Ends("2001:db8::1", "2001:db8::2");

impl Ends {
    pub fn sa(self, words: &str) -> String {
        let (proto, options) = words.split_once(' ').expect("a protocol");
        format!("add {} {} {proto} 0x1001 {options};", self.0, self.1)
    }

    pub fn policy(self, direction: &str, template: &str) -> String {
        let template = template.replace("/tunnel/", &format!("/tunnel/{}-{}", self.0, self.1));
        format!("spdadd {} {} any -P {direction} ipsec {template};", self.0, self.1)
    }
}

/// Packets of UDP with so many bytes each that the first host has sent.
pub fn captured(pair: &Pair, ends: Ends, tables: &str, lengths: &[usize]) -> Vec<Packet> {
    pair.a.load(&format!("flush; spdflush; {tables}"));
    pair.forget();
    for length in lengths {
        let words = format!("printf '%{length}s' x >/dev/udp/{}/5300", ends.1);
        let _ = Outcome::of(pair.a.command("bash").args(["-c", &words]));
    }
    sleep(Duration::from_millis(100));
    let is_meant = |packet: &Packet| [protocol::ESP, protocol::AH].contains(&packet.protocols[0]);
    let packets = pair.packets().into_iter().filter(is_meant).collect::<Vec<_>>();
    assert_eq!(packets.len(), lengths.len());
    packets
}

pub fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text");
        text
    })
}

/// The explanation of a captured packet, which the second host then receives again.
#[track_caller]
pub fn agrees(pair: &Pair, packet: &Packet, given: &str) -> (Value, String) {
    let words = format!("in {given} --from {}", digits(&packet.frame[14..]));
    let (explanation, text) = explain(&pair.b, &words);
    let (raised, is_delivered) = received(pair, std::slice::from_ref(packet));
    let explained = explanation["counters"].as_array().into_iter().flatten();
    let explained = explained.filter_map(Value::as_str).collect::<Vec<_>>();
    assert_eq!(raised, explained, "{text}");
    assert_eq!(explanation["verdict"] == "protected", is_delivered, "{text}");
    (explanation, text)
}

/// The counters that the second host raises when it receives these packets, and whether one of them gets to UDP, where no socket
/// has its port, or is a ping.
pub fn received(pair: &Pair, packets: &[Packet]) -> (Vec<String>, bool) {
    let before = counters(&pair.b);
    send_again(&pair.a, packets);
    sleep(Duration::from_millis(100));
    let mut raised = counters(&pair.b);
    raised.retain(|name, number| before.get(name) != Some(number));
    let is_delivered = ["UdpNoPorts", "Udp6NoPorts", "IcmpInEchos"]
        .into_iter()
        .any(|name| raised.contains_key(name));
    raised.retain(|name, _| name.starts_with("Xfrm"));
    (raised.into_keys().collect(), is_delivered)
}

#[track_caller]
pub fn loaded(pair: &Pair, tables: &str) {
    pair.b.load(&format!("flush; spdflush; {tables}"));
}

/// What is inside is read where it is not given: with each kind of algorithm, in both modes, of both IP versions.
#[test]
fn the_packet_inside_is_decrypted() {
    let pair = Pair::without_sas();
    let algorithms = [
        format!("{CBC} {SHA1}"),
        CBC.to_owned(),
        format!("-E null {SHA1}"),
        format!("-esn -r 64 {CBC} {SHA1}"),
        format!(r#"-E aes-ctr "sixteen byte keysalt" {SHA1}"#),
        r#"-E aes-gcm-16 "sixteen byte keysalt""#.to_owned(),
        r#"-esn -r 64 -E aes-gcm-16 "sixteen byte keysalt""#.to_owned(),
    ];
    for (ends, mode) in [(V4, "transport"), (V4, "tunnel"), (V6, "transport"), (V6, "tunnel")] {
        // One of each kind.
        let of_v6 = if ends.0.contains(':') { 5 } else { 0 };
        for algorithms in algorithms.iter().skip(of_v6) {
            let sa = ends.sa(&format!("esp -m {mode} {algorithms}"));
            let template = format!("esp/{mode}//require");
            let packets =
                captured(&pair, ends, &format!("{sa} {}", ends.policy("out", &template)), &[9]);
            loaded(&pair, &format!("{sa} {}", ends.policy("in", &template)));
            let (explanation, text) = agrees(&pair, &packets[0], "");
            assert_eq!(explanation["verdict"], "protected", "{algorithms} {text}");
            let packet = &explanation["packet"];
            assert_eq!(
                (&packet["src"], &packet["dst_port"]),
                (&ends.0.into(), &5300.into()),
                "{text}"
            );
            // Another one is given.
            let words =
                format!("in {} {} tcp --from {}", ends.0, ends.1, digits(&packets[0].frame[14..]));
            let (_, text) = explain(&pair.b, &words);
            assert!(text.contains("the one that was captured is another: "), "{text}");
        }
    }
}

/// One end has a tunnel, the other transport mode.
#[test]
fn the_modes_differ() {
    let pair = Pair::without_sas();
    let esp = format!("{CBC} {SHA1}");
    let kinds = [(V4, "esp", &esp[..]), (V6, "esp", &esp), (V4, "ah", AH), (V6, "ah", AH)];
    // ESP once more, with the modules for SAs of IP in IP, which take the packets of a tunnel.
    let with_modules = [(V4, "esp", &esp[..]), (V6, "esp", &esp)];
    for (place, (ends, proto, keys)) in kinds.into_iter().chain(with_modules).enumerate() {
        if place == kinds.len() {
            let load = "modprobe -d /run/kernel -a xfrm4_tunnel xfrm6_tunnel";
            Outcome::success(pair.b.command("sh").args(["-ec", load]));
        }
        let sa = |mode: &str| ends.sa(&format!("{proto} -m {mode} {keys}"));
        let template = |mode: &str| match mode {
            "tunnel" => format!("{proto}/tunnel//require"),
            _ => format!("{proto}/transport//require"),
        };
        let sent = |mode| format!("{} {}", sa(mode), ends.policy("out", &template(mode)));
        let own = |mode, policy| format!("{} {}", sa(mode), ends.policy("in", &template(policy)));
        let transport = &captured(&pair, ends, &sent("transport"), &[9])[0];
        loaded(&pair, &own("tunnel", "tunnel"));
        let (explanation, text) = agrees(&pair, transport, "");
        assert_eq!(explanation["reason"], "no IP packet inside", "{text}");
        let tunnel = &captured(&pair, ends, &sent("tunnel"), &[9])[0];
        for policy in ["transport", "tunnel"] {
            loaded(&pair, &own("transport", policy));
            let (explanation, text) = agrees(&pair, tunnel, "");
            assert_eq!(explanation["reason"], "IP packet inside", "{text}");
            assert_eq!(explanation["packet"]["dst_port"], 5300, "{text}");
        }
    }
}

/// A tunnel device takes what comes out of transport mode.
#[test]
fn a_device_takes_ip_in_ip() {
    let pair = Pair::without_sas();
    pair.b.ip("link add own type ipip local 192.0.2.2 remote 192.0.2.1
        link set own up");
    let sa = |mode: &str| V4.sa(&format!("esp -m {mode} {CBC} {SHA1}"));
    let sent = format!("{} {}", sa("tunnel"), V4.policy("out", "esp/tunnel//require"));
    let tunnel = &captured(&pair, V4, &sent, &[9])[0];
    loaded(&pair, &format!("{} {}", sa("transport"), V4.policy("in", "esp/transport//require")));
    let words = format!("in --from {}", digits(&tunnel.frame[14..]));
    let (explanation, text) = explain(&pair.b, &words);
    assert_eq!(explanation["verdict"], "protected", "{text}");
    assert_eq!(explanation["packet"]["protocol"], 4, "{text}");
    // Another end, or none that is up.
    pair.b.ip("link set own type ipip local 192.0.2.2 remote 192.0.2.9");
    assert_eq!(explain(&pair.b, &words).0["reason"], "IP packet inside");
    pair.b.ip("link set own type ipip local 192.0.2.2 remote 192.0.2.1
        link set own down");
    assert_eq!(agrees(&pair, tunnel, "").0["reason"], "IP packet inside");
}

/// The kernel infers the upper half of an extended sequence number from the lower.
#[test]
fn a_sender_counts_from_1_again() {
    let pair = Pair::without_sas();
    let policy = |direction| V4.policy(direction, "esp/transport//require");
    for algorithms in
        [format!("{CBC} {SHA1}"), r#"-E aes-gcm-16 "sixteen byte keysalt""#.to_owned()]
    {
        let sa = |options: &str| V4.sa(&format!("esp -esn -r 64 {options} {algorithms}"));
        let packets = captured(&pair, V4, &format!("{} {}", sa(""), policy("out")), &[9]);
        loaded(&pair, &format!("{} {}", sa("-seq 5000"), policy("in")));
        let (explanation, text) = agrees(&pair, &packets[0], "");
        assert_eq!(explanation["reason"], "integrity", "{text}");
        assert_eq!(explanation["received"][0]["integrity"], "other-sequence", "{text}");
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = "would be right for sequence number 1: the SA, which has received 5000, takes it for 4294967297";
        assert!(flat.contains(shown), "{text}");
        loaded(&pair, &format!("{} {}", sa(""), policy("in")));
        assert_eq!(agrees(&pair, &packets[0], "").0["verdict"], "protected");
        // The receiver counts from 0 again.
        let sent = format!("{} {}", sa("-oseq 4294967396"), policy("out"));
        let packets = captured(&pair, V4, &sent, &[9]);
        let (explanation, text) = agrees(&pair, &packets[0], "");
        assert_eq!(explanation["received"][0]["integrity"], "other-sequence", "{text}");
        assert!(
            explanation["remedy"].as_str().is_some_and(|it| it.contains("both ends")),
            "{text}"
        );
    }
}

/// AH is for the addresses too.
#[test]
fn ah_is_verified() {
    let pair = Pair::without_sas();
    let policy = |ends: Ends, direction| ends.policy(direction, "ah/transport//require");
    let other = AH.replace("key!", "kez!");
    for ends in [V4, V6] {
        for options in ["", "-esn -r 64"] {
            let sa = |keys: &str| ends.sa(&format!("ah {options} {keys}"));
            let packets =
                captured(&pair, ends, &format!("{} {}", sa(AH), policy(ends, "out")), &[9]);
            loaded(&pair, &format!("{} {}", sa(AH), policy(ends, "in")));
            let (explanation, text) = agrees(&pair, &packets[0], "");
            assert_eq!(explanation["received"][0]["integrity"], "right", "{text}");
            loaded(&pair, &format!("{} {}", sa(&other), policy(ends, "in")));
            let (explanation, text) = agrees(&pair, &packets[0], "");
            assert_eq!(explanation["received"][0]["integrity"], "wrong", "{text}");
            assert_eq!(explanation["reason"], "integrity", "{text}");
        }
    }
    // The ICV has another length.
    let sa = |bits: u16| {
        V4.sa(&format!("ah -A hmac-sha256-{bits} \"thirty-two bytes are in this key\""))
    };
    let packets = captured(&pair, V4, &format!("{} {}", sa(128), policy(V4, "out")), &[9]);
    loaded(&pair, &format!("{} {}", sa(96), policy(V4, "in")));
    let (explanation, text) = agrees(&pair, &packets[0], "");
    assert_eq!(explanation["received"][0]["integrity"], "other-length", "{text}");
}

/// A NAT has changed the source. The port and address of UDP inside AH are those that are given.
#[test]
fn ah_does_not_pass_a_nat() {
    let pair = Pair::without_sas();
    let policy = |direction| V4.policy(direction, "ah/transport//require");
    let sent = format!("{} {}", V4.sa(&format!("ah {AH}")), policy("out"));
    let mut packet = captured(&pair, V4, &sent, &[9]).remove(0);
    // 192.0.2.1 becomes 192.0.2.77.
    packet.frame[14 + 15] = 77;
    let sum = checksum(&packet.frame[14..34]);
    packet.frame[24..26].copy_from_slice(&sum);
    loaded(&pair, &format!("{} {}", V4.sa(&format!("ah {AH}")), policy("in")));
    let (explanation, text) = agrees(&pair, &packet, "192.0.2.77 192.0.2.2:5300 udp");
    assert_eq!(explanation["reason"], "integrity", "{text}");
    assert_eq!(explanation["received"][0]["integrity"], "other-source", "{text}");
    assert_eq!(explanation["received"].as_array().map(Vec::len), Some(1), "{text}");
    // The SA has the source that the NAT has given.
    let translated = Ends("192.0.2.77", "192.0.2.2");
    loaded(&pair, &translated.sa(&format!("ah {AH}")));
    let (explanation, text) = agrees(&pair, &packet, "192.0.2.77 192.0.2.2:5300 udp");
    assert_eq!(explanation["received"][0]["integrity"], "wrong", "{text}");
    assert!(explanation["remedy"].as_str().is_some_and(|it| it.contains("NAT")), "{text}");
}

/// Each header is verified, and the packet in the innermost is the one that is checked.
#[test]
fn esp_inside_ah() {
    let pair = Pair::without_sas();
    let tables = |direction: &str, keys: &str| {
        format!(
            "{} add 192.0.2.1 192.0.2.2 ah 0x1002 {AH}; {}",
            V4.sa(&format!("esp {CBC} {keys}")),
            V4.policy(direction, "esp/transport//require ah/transport//require")
        )
    };
    let packets = captured(&pair, V4, &tables("out", SHA1), &[9]);
    loaded(&pair, &tables("in", SHA1));
    let (explanation, text) = agrees(&pair, &packets[0], "");
    assert_eq!(explanation["packet"]["dst_port"], 5300, "{text}");
    let shown = |place: usize| &explanation["received"][place]["integrity"];
    assert_eq!([shown(0), shown(1)], ["right", "right"], "{text}");
    loaded(&pair, &tables("in", &SHA1.replace("key!", "kez!")));
    let (explanation, text) = agrees(&pair, &packets[0], "");
    assert_eq!(explanation["received"][1]["integrity"], "wrong", "{text}");
}
