//! Packets that are received: what is explained of each is what the kernel then does with it.

use std::{
    collections::BTreeMap,
    net::{IpAddr, UdpSocket},
    thread::sleep,
    time::Duration,
};

use scenarios::{Host, Pair};
use serde_json::Value;

use super::stories::explain;

pub const ESP: &str = r#"-E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;
const AH: &str = r#"-A hmac-sha1 "twenty bytes of key!""#;
pub const PACKET: &str = "in 192.0.2.1:40000 192.0.2.2:5300 udp";

/// The counters of drops that are not 0.
pub fn counters(host: &Host) -> BTreeMap<String, u64> {
    let mut counters = scenarios::counters(host);
    counters.retain(|name, _| name.starts_with("Xfrm"));
    counters
}

/// Sends a packet of UDP to a port.
pub fn send(host: &Host, to: &str) {
    let (addr, port) = to.rsplit_once('/').expect("ADDRESS/PORT");
    let to = (addr.parse::<IpAddr>().expect("an address"), port.parse().expect("a port"));
    let any = if to.0.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    // A refusal may be what is expected.
    let _ = host.within(|| UdpSocket::bind(any).and_then(|socket| socket.send_to(b"\n", to)));
    sleep(Duration::from_millis(100));
}

/// The explanation of a packet that the first host then sends, with the counters that the kernel raises.
#[track_caller]
pub fn agrees(pair: &Pair, words: &str) -> (Value, String) {
    let (explanation, text) = explain(&pair.b, words);
    let before = counters(&pair.b);
    send(&pair.a, "192.0.2.2/5300");
    let mut raised = counters(&pair.b);
    raised.retain(|name, number| before.get(name) != Some(number));
    let explained = explanation["counters"].as_array().into_iter().flatten();
    let explained = explained.filter_map(Value::as_str).collect::<Vec<_>>();
    assert_eq!(raised.keys().collect::<Vec<_>>(), explained, "{text}");
    (explanation, text)
}

/// Carries out the statements of a remedy.
pub fn mend(host: &Host, explanation: &Value) {
    let remedy = explanation["remedy"].as_str().expect("a remedy");
    let (statements, _) = remedy.rsplit_once(';').expect("a statement");
    let statements = statements.replace("SPI", "0x3001").replace("KEYS", ESP);
    host.load(&format!("{statements};"));
}

/// The first template is the innermost header.
#[test]
fn templates_in_another_order_than_the_headers() {
    let pair = Pair::without_sas();
    pair.load(&format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 {ESP}; add 192.0.2.1 192.0.2.2 ah 0x1002 {AH};"
    ));
    let policy = |direction: &str, templates: &str| {
        format!("spdadd 192.0.2.1 192.0.2.2 any -P {direction} ipsec {templates};")
    };
    pair.a.load(&policy("out", "esp/transport//require ah/transport//require"));
    pair.b.load(&policy("in", "ah/transport//require esp/transport//require"));
    let words = format!("{PACKET} --spi 0x1002 --spi 0x1001");
    let (explanation, text) = agrees(&pair, &words);
    assert_eq!(explanation["counters"][0], "XfrmInTmplMismatch", "{text}");
    assert!(
        text.contains("not ah 0x1002 192.0.2.1 > 192.0.2.2 transport: order differs"),
        "{text}"
    );
    assert!(!text.contains("comes in clear"), "{text}");
    let near = &explanation["check"]["templates"][1]["near"][0];
    assert_eq!((&near["sa"]["spi"], &near["field"]), (&0x1002.into(), &"order".into()), "{near}");
    mend(&pair.b, &explanation);
    assert_eq!(agrees(&pair, &words).0["verdict"], "protected");
    // In clear there is no SA of which one could say that it is another one.
    pair.a.flush();
    let (explanation, text) = agrees(&pair, PACKET);
    assert!(
        text.contains("it comes in clear, and the templates of its policy demand SAs"),
        "{text}"
    );
    assert_eq!(explanation["reason"], "template mismatch");
}

/// Of the algorithms that a template names, those of authentication are compared, of received packets.
#[test]
fn a_template_may_limit_the_algorithms() {
    let pair = Pair::without_sas();
    pair.load(&format!("add 192.0.2.1 192.0.2.2 esp 0x1001 {ESP};"));
    // Bit 2: hmac-md5.
    let policy = |direction: &str| {
        format!(
            "spdadd 192.0.2.1 192.0.2.2 any -P {direction} ipsec esp/transport//require/auth-mask:0x4;"
        )
    };
    pair.a.load(&policy("out"));
    pair.b.load(&policy("in"));
    let out = explain(&pair.a, "out 192.0.2.1 192.0.2.2 udp");
    assert_eq!(out.0["verdict"], "protected", "{}", out.1);
    let words = format!("{PACKET} --spi 0x1001");
    let (explanation, text) = agrees(&pair, &words);
    assert_eq!(explanation["counters"][0], "XfrmInTmplMismatch", "{text}");
    assert!(text.contains("esp/transport//require auth-mask=0x4"), "{text}");
    assert!(text.contains("authentication differs: hmac-sha1"), "{text}");
    mend(&pair.b, &explanation);
    assert_eq!(agrees(&pair, &words).0["verdict"], "protected");
}
