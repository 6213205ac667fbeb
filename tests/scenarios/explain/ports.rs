//! Of which protocols the kernel compares ports, or what is in their place.

use std::{fmt::Write as _, net::IpAddr, path::Path, thread::sleep, time::Duration};

use scenarios::Outcome;

use super::{
    routes::{Network, counters},
    stories::explain,
};

const SRC: [&str; 2] = ["10.2.0.1", "2001:db8:2::1"];
const DST: [&str; 2] = ["10.1.0.9", "2001:db8:1::9"];

/// A packet that is forwarded, in hexadecimal digits.
fn packet(version: usize, protocol: u8, payload: &[u8]) -> String {
    let addr = |text: &str| match text.parse().expect("an address") {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    };
    let length = u8::try_from(payload.len()).expect("a few bytes");
    let mut bytes = match version {
        0 => vec![0x45, 0, 0, 20 + length, 0, 1, 0, 0, 64, protocol, 0, 0],
        _ => vec![0x60, 0, 0, 0, 0, length, protocol, 64],
    };
    bytes.extend(addr(SRC[version]).into_iter().chain(addr(DST[version])));
    bytes.extend(payload);
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text");
        text
    })
}

#[test]
fn ports_are_compared_of_some_protocols() {
    let network = Network::new();
    let Network { a, b } = &network;
    a.forward();
    // Nothing but these packets is to be counted.
    sleep(Duration::from_secs(1));
    // From port 2049 to port 53, or of type 8 and code 1.
    let header = [8, 1, 0, 53, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let gre = [0x20, 0, 8, 0, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0];
    let (ports, of_type, none) = (["[2049]", "[53]", ""], ["", "", "8,1"], ["", "", ""]);
    for (version, protocol, payload, [src_port, dst_port, misc], is_dropped) in [
        (0, 6, &header[..], ports, true),
        (0, 17, &header, ports, true),
        (0, 132, &header, ports, true),
        (0, 136, &header, ports, true),
        (0, 1, &header, of_type, true),
        (0, 47, &gre, ["", "", "0.2.0.3"], true),
        (0, 47, &gre, ["", "", "0.2.0.4"], false),
        (0, 33, &header, ports, false),
        (0, 33, &header, none, true),
        (0, 99, &header, ports, false),
        (0, 58, &header, of_type, false),
        (1, 6, &header, ports, true),
        (1, 33, &header, ports, false),
        (1, 58, &header, of_type, true),
        (1, 1, &header, of_type, false),
    ] {
        let (src, dst) = (SRC[version], DST[version]);
        let _ = a.setkey("-FP");
        // It warns of those that no packet matches.
        let loaded = a.setkey_text(&format!(
            "spdadd {src}{src_port} {dst}{dst_port} {protocol} {misc} -P fwd discard;"
        ));
        assert_eq!(loaded.status, 0, "{loaded:?}");
        let packet = packet(version, protocol, payload);
        let (explanation, text) = explain(a, &format!("fwd --from {packet}"));
        let before = counters(a);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/explain/send_raw.py");
        let mut python = b.command("/usr/bin/python3");
        Outcome::success(python.arg("-BIS").arg(script).arg(&packet));
        sleep(Duration::from_millis(30));
        let is_raised = counters(a).get("XfrmInPolBlock") > before.get("XfrmInPolBlock");
        assert_eq!(is_raised, is_dropped, "protocol {protocol}, version {version}: {text}");
        assert_eq!(explanation["verdict"] == "dropped", is_dropped, "{protocol}: {text}");
        assert_ne!(explanation["verdict"], "unknown", "{protocol}: {text}");
    }
}
