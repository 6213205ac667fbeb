//! ESP in UDP.

use scenarios::{Host, Pair, Program};

use super::{
    inbound::{ESP, PACKET, agrees, mend},
    stories::explain,
};

/// A program with a UDP socket that decapsulates.
pub fn socket(host: &Host, port: u16) -> Program {
    // IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP.
    let script = format!(
        "import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(17, 100, 2)
s.bind(('', {port}))
print('ready', flush=True)
time.sleep(1000)"
    );
    Program::start(host.command("/usr/bin/python3").args(["-c", &script]))
}

fn encapsulated(pair: &Pair, port: u16) {
    pair.load(&format!("add 192.0.2.1 192.0.2.2 esp 0x1001 -encap espinudp {port} {port} {ESP};"));
    pair.a.load("spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;");
}

/// The beginning of a packet of UDP from 192.0.2.1 to 192.0.2.2 with an SPI: its ICV is not there.
fn udp(src: u16, dst: u16) -> String {
    format!("4500008000004000401100 00c0000201c0000202{src:04x}{dst:04x}006c000000001001000000010102030 4")
        .replace(' ', "")
}

/// It is checked as UDP before its socket decapsulates it, and before the kernel finds that there is no socket.
#[test]
fn it_is_checked_as_udp() {
    let pair = Pair::without_sas();
    encapsulated(&pair, 4500);
    pair.b.load("spdadd 192.0.2.1 192.0.2.2 any -P in ipsec esp/transport//require;");
    let socket = socket(&pair.b, 4500);
    let words = format!("{PACKET} --spi 0x1001");
    for words in [words.clone(), format!("{PACKET} --from {}", udp(4500, 4500))] {
        let (explanation, text) = agrees(&pair, &words);
        assert_eq!(explanation["counters"][0], "XfrmInTmplMismatch", "{text}");
        assert!(
            text.contains("in UDP    192.0.2.1 > 192.0.2.2 udp 4500 > 4500, device lo\n"),
            "{text}"
        );
        assert!(text.contains("dropped: it is in UDP, which comes in clear"), "{text}");
    }
    let (explanation, _) = agrees(&pair, &words);
    mend(&pair.b, &explanation);
    assert_eq!(agrees(&pair, &words).0["verdict"], "protected");
    drop(socket);
    let (explanation, text) = agrees(&pair, &words);
    assert_eq!(explanation["reason"], "no UDP socket", "{text}");
}

/// The port of the socket decides, that of SAs beside the usual one, and that of the sender never.
#[test]
fn its_ports() {
    let pair = Pair::without_sas();
    encapsulated(&pair, 10001);
    let _socket = socket(&pair.b, 10001);
    let from = |src, dst| format!("{PACKET} --from {}", udp(src, dst));
    let (explanation, text) = agrees(&pair, &from(10001, 10001));
    assert_eq!(explanation["verdict"], "protected", "{text}");
    assert!(text.contains("header    esp 0x1001, sequence 1"), "{text}");
    // To another port than that of the socket.
    let (explanation, text) = explain(&pair.b, &from(4500, 4500));
    assert_eq!(explanation["reason"], "no UDP socket", "{text}");
    let (explanation, text) = explain(&pair.b, &from(4500, 4501));
    assert_eq!(explanation["reason"], "no UDP socket", "{text}");
    assert!(text.contains("udp 4500 > 4501, device lo"), "{text}");
    let plain = format!("in --from {}", udp(4500, 5300));
    let (explanation, text) = explain(&pair.b, &plain);
    assert_eq!(explanation["verdict"], "clear", "{text}");
    // A socket of IPv4 takes no packet of IPv6.
    pair.b.load(&format!(
        "add 2001:db8::1 2001:db8::2 esp 0x1002 -encap espinudp 10001 10001 {ESP};"
    ));
    let (explanation, text) = explain(&pair.b, "in 2001:db8::1 2001:db8::2 udp --spi 0x1002");
    assert_eq!(explanation["reason"], "no UDP socket", "{text}");
    // Only one end encapsulates.
    assert_eq!(pair.b.setkey("-F").status, 0);
    pair.b.load(&format!("add 192.0.2.1 192.0.2.2 esp 0x1001 {ESP};"));
    let (_, text) = explain(&pair.b, &from(4500, 4500));
    assert!(text.contains("no socket has its port"), "{text}");
    let _usual = socket(&pair.b, 4500);
    let (explanation, text) = explain(&pair.b, &from(4500, 4500));
    assert_eq!(explanation["counters"][0], "XfrmInStateMismatch", "{text}");
    assert!(
        text.contains("encapsulation differs: of the packet espinudp, of the SA none"),
        "{text}"
    );
}
