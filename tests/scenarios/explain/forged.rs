//! ESP that the test makes itself, since no host here sends such: other padding, what another key decrypts to garbage, headers inside
//! headers, and packets for hosts behind this one. Each is received by the second host, which raises what was explained.

use std::collections::BTreeMap;

use scenarios::{Outcome, Packet, Pair};
use sys::kernel_crypto::{authenticate, decrypt};

use super::{
    captured::{Ends, V4, V6, agrees, captured, digits, loaded, received},
    in_udp::socket,
    odd::{checksum, with},
    stories::explain,
};

const AUTH: &[u8] = b"twenty bytes of key!";
pub const SHA1: &str = r#"-A hmac-sha1 "twenty bytes of key!""#;
const CBC: &str = r#"-E aes-cbc "sixteen byte key""#;
const ESP: u8 = 50;
const UDP: u8 = 17;

/// ESP of an SPI and sequence number whose integrity check value is right.
pub fn esp(spi: u32, sequence: u32, encrypted: &[u8]) -> Vec<u8> {
    let mut esp = [&spi.to_be_bytes()[..], &sequence.to_be_bytes(), encrypted].concat();
    let icv = authenticate("hmac(sha1)", AUTH, &esp).expect("the kernel's hash");
    esp.extend(&icv[..12]);
    esp
}

/// What the cipher null leaves as it is, with its trailer.
pub fn null(packet: &[u8], padding: &[u8], next: u8) -> Vec<u8> {
    let length = u8::try_from(padding.len()).expect("short");
    [packet, padding, &[length, next]].concat()
}

pub fn udp(ports: [u16; 2], inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + inside.len()).expect("short");
    let fields = [ports[0], ports[1], length, 0];
    [&fields.map(u16::to_be_bytes).concat()[..], inside].concat()
}

pub fn ipv4(ends: [[u8; 4]; 2], protocol: u8, field: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).expect("short").to_be_bytes();
    let [high, low] = field.to_be_bytes();
    let start = [0x45, 0, length[0], length[1], 0, 0, high, low, 64, protocol, 0, 0];
    let mut header = [&start[..], &ends[0], &ends[1]].concat();
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum);
    [&header[..], payload].concat()
}

/// A packet of the first host to the second one, whose Ethernet and IP headers the others take.
pub fn any(pair: &Pair, ends: Ends) -> Packet {
    let tables = format!(
        "{} {}",
        ends.sa(&format!("esp -E null {SHA1}")),
        ends.policy("out", "esp/transport//require")
    );
    captured(pair, ends, &tables, &[9]).remove(0)
}

/// With another key of the cipher it is random bytes that are decrypted: the kernel refuses them where it notices. Fixed bytes are
/// decrypted to the same ones each time.
#[test]
fn garbage() {
    let pair = Pair::without_sas();
    let mut seen = BTreeMap::<String, usize>::new();
    let mut random = fastrand::Rng::with_seed(17);
    for (ends, mode, level) in [
        (V4, "transport", "require"),
        (V6, "transport", "require"),
        (V4, "transport", "unique:9"),
        (V4, "tunnel", "require"),
    ] {
        let any = any(&pair, ends);
        let template = format!("esp/{mode}//{level}");
        let sa = ends.sa(&format!("esp -u 9 -r 0 -m {mode} {CBC} {SHA1}"));
        loaded(&pair, &format!("{sa} {}", ends.policy("in", &template)));
        for length in [64, 160, 160, 256] {
            let mut encrypted = vec![0; length];
            random.fill(&mut encrypted);
            let packet = with(&any, ESP, &esp(0x1001, 1, &encrypted), None);
            let (explanation, text) = agrees(&pair, &packet, &format!("{} {} udp", ends.0, ends.1));
            // A protocol whose header shows nothing.
            let is_unsure = explanation["received"][0]["decryption"] == "unknown";
            assert_eq!(explanation["verdict"] == "unknown", is_unsure, "{text}");
            assert_eq!(explanation["reason"] == "decryption", !is_unsure, "{text}");
            assert_ne!(explanation["received"][0]["decryption"], "right", "{text}");
            assert!(text.contains("its ICV is right"), "{text}");
            *seen.entry(explanation["counters"].to_string()).or_default() += 1;
        }
    }
    for counter in ["XfrmInStateProtoError", "XfrmInStateModeError"] {
        assert!(seen.keys().any(|names| names.contains(counter)), "{counter}: {seen:?}");
    }
}

/// What a wrong key gives has one next header or another: some are handled before a policy is checked.
#[test]
fn garbage_of_each_protocol() {
    let pair = Pair::without_sas();
    let mut random = fastrand::Rng::with_seed(23);
    for ends in [V4, V6] {
        let any = any(&pair, ends);
        let sa = ends.sa(&format!("esp -r 0 {CBC} {SHA1}"));
        loaded(&pair, &format!("{sa} spdadd {} {} any -P in discard;", ends.0, ends.1));
        for next in [1, 4, 6, 17, 41, 58, 102, 200, 253] {
            let mut encrypted = vec![0; 96];
            random.fill(&mut encrypted);
            let (iv, bytes) = encrypted.split_at(16);
            let clear = decrypt("cbc(aes)", b"sixteen byte key", iv, bytes).expect("a cipher");
            let trailer = clear.bytes().len() - 2;
            let (length, own) = (clear.bytes()[trailer], clear.bytes()[trailer + 1]);
            // Of CBC, a change in a block is one in the next.
            encrypted[78] ^= length ^ 3;
            encrypted[79] ^= own ^ next;
            let packet = with(&any, ESP, &esp(0x1001, 1, &encrypted), None);
            let (explanation, text) =
                explain(&pair.b, &format!("in --from {}", digits(&packet.frame[14..])));
            let (raised, _) = received(&pair, std::slice::from_ref(&packet));
            if explanation["verdict"] == "unknown" {
                assert!([6, 58].contains(&next), "{text}");
                continue;
            }
            assert_eq!(explanation["reason"], "decryption", "{text}");
            let explained = explanation["counters"].as_array().cloned().unwrap_or_default();
            assert_eq!(explained, raised, "{next} {text}");
        }
    }
}

/// A key that is proven needs no padding of RFC 4303 to be the sender's, as with zero-pad or random-pad.
#[test]
fn padding_of_other_senders() {
    let pair = Pair::without_sas();
    let any = any(&pair, V4);
    let tables = |cipher: &str| {
        let sa = V4.sa(&format!("esp -r 0 {cipher} {SHA1}"));
        format!("{sa} {}", V4.policy("in", "esp/transport//require"))
    };
    loaded(&pair, &tables("-E null"));
    let ping = [8, 0, 0xf7, 0xfd, 0, 1, 0, 1];
    for (packet, next) in [(&ping[..], 1), (&udp([4000, 5300], b"x"), UDP)] {
        for padding in [&[0, 0][..], &[7], &[]] {
            let packet = with(&any, ESP, &esp(0x1001, 1, &null(packet, padding, next)), None);
            let (explanation, text) = agrees(&pair, &packet, "");
            assert_eq!(explanation["verdict"], "protected", "{text}");
            assert_eq!(explanation["received"][0]["decryption"], "right", "{text}");
        }
    }
}

#[test]
fn six_headers_are_undone() {
    let pair = Pair::without_sas();
    let any = any(&pair, V4);
    let sa = V4.sa(&format!("esp -r 0 -E null {SHA1}"));
    loaded(&pair, &sa);
    for (headers, reason) in [(6, None), (7, Some("too many headers"))] {
        let mut packet = udp([4000, 5300], b"x");
        for number in 0..headers {
            let next = if number == 0 { UDP } else { ESP };
            packet = esp(0x1001, 1, &null(&packet, &[1, 2], next));
        }
        let (explanation, text) = agrees(&pair, &with(&any, ESP, &packet, None), "");
        assert_eq!(explanation["reason"].as_str(), reason, "{text}");
    }
}

/// What a link has appended to UDP is none of ESP in it.
#[test]
fn udp_has_a_length_of_its_own() {
    let pair = Pair::without_sas();
    let any = any(&pair, V4);
    let _socket = socket(&pair.b, 4500);
    loaded(&pair, &V4.sa(&format!("esp -r 0 -encap espinudp 4500 4500 -E null {SHA1}")));
    let esp = esp(0x1001, 1, &null(&udp([4000, 5300], b"x"), &[1], UDP));
    let packet = [udp([4500, 4500], &esp), vec![0; 4]].concat();
    let (explanation, text) = agrees(&pair, &with(&any, UDP, &packet, None), "");
    assert_eq!(explanation["verdict"], "protected", "{text}");
}

const HERE: [[u8; 4]; 2] = [[10, 1, 0, 7], [10, 2, 0, 9]];

/// A gateway forwards what comes out of a tunnel as it is: ESP of other hosts has SAs there, and fragments are put together there.
#[test]
fn packets_of_hosts_behind_a_gateway() {
    let pair = Pair::without_sas();
    let any = any(&pair, V4);
    pair.b.ip("link add lan type dummy
        link set lan up mtu 1200
        addr add 10.2.0.1/24 dev lan
        neigh add 10.2.0.9 lladdr 02:00:00:00:00:09 dev lan nud permanent
        route add 10.1.0.0/24 via 192.0.2.1");
    Outcome::success(pair.b.command("sysctl").args(["-qw", "net.ipv4.ip_forward=1"]));
    let sa = V4.sa(&format!("esp -r 0 -m tunnel -E null {SHA1}"));
    let tunnel = "ipsec esp/tunnel/192.0.2.1-192.0.2.2/require";
    loaded(
        &pair,
        &format!(
            "{sa} spdadd 10.1.0.0/24 10.2.0.0/24 any -P fwd {tunnel};
            spdadd 10.1.0.0/24 10.2.0.0/24[53] udp -P fwd prio high discard;"
        ),
    );
    let leaves = |inner: &[u8]| {
        let packet = with(&any, ESP, &esp(0x1001, 1, &null(inner, &[1, 2], 4)), None);
        let words = format!("fwd --from {}", digits(&packet.frame[14..]));
        let (explanation, text) = explain(&pair.b, &words);
        let sent = || {
            let path = "/sys/class/net/lan/statistics/tx_packets";
            Outcome::success(pair.b.command("cat").arg(path))
                .trim()
                .parse::<u64>()
                .expect("a number")
        };
        let before = sent();
        let (raised, _) = received(&pair, std::slice::from_ref(&packet));
        let explained = explanation["counters"].as_array().cloned().unwrap_or_default();
        assert_eq!(explained, raised, "{text}");
        assert_eq!(explanation["verdict"] == "clear", sent() > before, "{text}");
        explanation
    };
    let transit = [0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1, 7, 7, 7, 7];
    let esp_of_others = leaves(&ipv4(HERE, ESP, 0, &transit));
    assert_eq!(esp_of_others["packet"]["protocol"], 50);
    let natt_of_others = leaves(&ipv4(HERE, UDP, 0, &udp([4500, 4500], &[transit; 3].concat())));
    assert_eq!(natt_of_others["packet"]["dst_port"], 4500);
    let dns = udp([4000, 53], b"question");
    assert_eq!(leaves(&ipv4(HERE, UDP, 0, &dns))["reason"], "policy discards");
    // The ports of a fragment count as 0, of the first too.
    assert_eq!(leaves(&ipv4(HERE, UDP, 0x2000, &dns))["verdict"], "clear");
    assert_eq!(leaves(&ipv4(HERE, UDP, 1, &dns))["verdict"], "clear");
    for (length, reason) in [(1200, None), (1201, Some("too long"))] {
        let packet = udp([4000, 5300], &vec![b'x'; length - 28]);
        let explanation = leaves(&ipv4(HERE, UDP, 0x4000, &packet));
        assert_eq!(explanation["reason"].as_str(), reason);
    }
}
