//! The integrity check value of a captured packet: whether it is that of the key of its SA.

use std::fmt::Write as _;

use scenarios::{Pair, protocol};

use super::inbound::{PACKET, agrees, send};

const POLICY: &str = "spdadd 192.0.2.1 192.0.2.2 any -P";
const LEFT: &str = "out ipsec esp/transport//require;";
const CHECKED: &str = "in ipsec esp/transport//require;";

/// ESP that the first host has sent by an SA, in hexadecimal digits.
fn captured(pair: &Pair, sa: &str) -> String {
    pair.a.load(&format!("flush; spdflush; {sa} {POLICY} {LEFT}"));
    pair.forget();
    send(&pair.a, "192.0.2.2/5300");
    let packets = pair.packets();
    let esp = packets.iter().find(|packet| packet.protocols[0] == protocol::ESP).expect("ESP");
    esp.frame[14..].iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text");
        text
    })
}

/// The explanation at the second host, which has another SA, is what happens.
#[track_caller]
fn explained(pair: &Pair, sent: &str, own: &str, shown: &str) {
    let from = captured(pair, sent);
    pair.b.load(&format!("flush; spdflush; {own} {POLICY} {CHECKED}"));
    let (explanation, text) = agrees(pair, &format!("{PACKET} --from {from}"));
    let is_right = shown.contains("is right");
    assert_eq!(explanation["verdict"], if is_right { "protected" } else { "dropped" }, "{text}");
    assert_eq!(explanation["reason"] == "integrity", !is_right, "{text}");
    assert!(text.contains(shown), "{text}");
    assert_eq!(explanation["received"][0]["integrity"] == "right", is_right, "{text}");
}

fn sa(algorithms: &str) -> String {
    format!("add 192.0.2.1 192.0.2.2 esp 0x1001 {algorithms};")
}

#[test]
fn keys_are_compared_by_it() {
    let pair = Pair::without_sas();
    let (right, wrong) = ("its ICV is right", "its ICV is not right");
    let sha1 = |key: &str| sa(&format!("-E aes-cbc \"sixteen byte key\" -A hmac-sha1 \"{key}\""));
    let [one, other] = ["twenty bytes of key!", "twenty bytes of kez!"].map(sha1);
    explained(&pair, &one, &one, right);
    explained(&pair, &one, &other, wrong);
    // The key of the cipher is not authenticated.
    let gcm = |key: &str, options: &str| sa(&format!("{options} -E aes-gcm-16 \"{key}salt\""));
    for options in ["", "-esn -r 64"] {
        let [one, other] = ["sixteen byte key", "sixteen byte kez"].map(|key| gcm(key, options));
        explained(&pair, &one, &one, right);
        explained(&pair, &one, &other, wrong);
    }
    let sha2 = |bits: u16| {
        let key = "thirty-two bytes are in this key";
        sa(&format!("-esn -r 64 -E null -A hmac-sha256-{bits} \"{key}\""))
    };
    explained(&pair, &sha2(128), &sha2(128), right);
    let without = sha2(128).replace("-esn", "");
    explained(&pair, &without, &sha2(128), "if one end did not have extended sequence numbers");
    let without = sa("-E null -A hmac-sha256-128 \"thirty-two bytes are in this key\"");
    explained(&pair, &sha2(128), &without, "if one end did not have extended sequence numbers");
    explained(&pair, &sha2(128), &sha2(96), "its ICV has 128 bits, and would be right with them");
}
