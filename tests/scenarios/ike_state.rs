//! What an IKE daemon such as strongSwan has made with netlink is saved as a script, and restored to the same bytes.

use std::io::Write;

use scenarios::{
    Host,
    raw_xfrm::{Entry, RawXfrm, socket_with_bypass_policies},
};
use tempfile::NamedTempFile;

/// Peers. Each has three policies and two SAs.
const PEERS: u32 = 67;

/// Policies: selectors, marks, xfrm interfaces, priorities, three directions.
fn policies(count: u32) -> String {
    let policies = (0..count).flat_map(|number| {
        let (third, fourth) = (number / 250, number % 250);
        let (left, right) =
            (format!("10.1.{third}.{fourth}/32"), format!("10.2.{third}.{fourth}/32"));
        let more = match number % 4 {
            0 => String::new(),
            1 => format!("mark {number} mask 0xffffff"),
            2 => format!("if_id {}", number + 1),
            _ => String::from("proto udp dport 4789"),
        };
        let reqid = number + 1;
        let line = move |src: &str, dst: &str, direction, ends: &str| {
            format!(
                "xfrm policy add src {src} dst {dst} {} dir {direction} {} priority {} \
                 tmpl {ends} proto esp mode tunnel reqid {reqid}",
                if more.starts_with("proto") { more.as_str() } else { "" },
                if more.starts_with("proto") { "" } else { more.as_str() },
                371_327 + number,
            )
        };
        let (there, back) = ("src 192.0.2.1 dst 192.0.2.2", "src 192.0.2.2 dst 192.0.2.1");
        [
            line(&left, &right, "out", there),
            line(&right, &left, "fwd", back),
            line(&right, &left, "in", back),
        ]
    });
    policies.collect::<Vec<_>>().join("\n")
}

/// An SA of each peer and direction: ESN or not, AEAD or two algorithms, marks, xfrm interfaces, NAT, limits of a rekeying.
fn sas(count: u32) -> String {
    let pairs = (0..count).flat_map(|number| {
        let more = match number % 4 {
            1 => format!("mark {number} mask 0xffffff output-mark {number}"),
            2 => format!("if_id {}", number + 1),
            3 => String::from("encap espinudp 4500 4500 0.0.0.0"),
            _ => String::new(),
        };
        let key = |digits: usize, salt: u32| format!("0x{salt:0digits$x}");
        let algorithms = move |salt: u32| match number % 3 {
            0 => format!("aead rfc4106(gcm(aes)) {} 128", key(40, salt)),
            1 => format!(
                "auth-trunc hmac(sha256) {} 128 enc cbc(aes) {}",
                key(64, salt),
                key(32, salt)
            ),
            _ => format!("auth-trunc hmac(sha1) {} 96 enc cbc(aes) {}", key(40, salt), key(64, salt)),
        };
        let line = move |ends: &str, spi: u32, replay: &str| {
            format!(
                "xfrm state add {ends} proto esp spi {spi:#x} reqid {} mode tunnel {} {more} flag af-unspec {replay} \
                 limit time-soft {} limit time-hard 3600",
                number + 1,
                algorithms(spi),
                3000 + number,
            )
        };
        let window = if number % 2 == 0 { "replay-window 32" } else { "flag esn replay-window 128" };
        [
            line("src 192.0.2.1 dst 192.0.2.2", 0xc000_0000 + number, window),
            line("src 192.0.2.2 dst 192.0.2.1", 0xc100_0000 + number, window),
        ]
    });
    pairs.collect::<Vec<_>>().join("\n")
}

/// SAD and SPD in the kernel's own bytes, but for times, counters and indices.
fn tables(host: &Host) -> [Vec<Entry>; 2] {
    let tables = host.within(|| RawXfrm::open().dump());
    tables.map(|entries| entries.into_iter().map(Entry::masked).collect())
}

#[test]
fn the_state_of_an_ike_daemon_is_saved_and_restored() {
    let host = Host::new("ike-state");
    host.ip(&policies(PEERS));
    host.ip(&sas(PEERS));
    let socket = host.within(socket_with_bypass_policies);
    let [sad, with_sockets] = tables(&host);
    assert_eq!(sad.len(), 2 * PEERS as usize);
    let script = host.setkey("--script=restore -DP");
    assert_eq!((script.status, script.stderr.as_str()), (0, ""));
    assert_eq!(script.stdout.matches("# a socket's own policy").count(), 2);
    drop(socket);
    let before = tables(&host);
    assert_eq!(before[1].len(), with_sockets.len() - 2);

    let mut file = NamedTempFile::new().expect("a file");
    for words in ["--script=restore -D", "--script=restore -DP"] {
        let script = host.setkey(words);
        assert_eq!((script.status, script.stderr.as_str()), (0, ""), "{}", script.stdout);
        file.write_all(script.stdout.as_bytes()).expect("room");
    }
    let loaded = host.setkey_file("", file.path());
    assert_eq!((loaded.status, loaded.stdout.as_str(), loaded.stderr.as_str()), (0, "", ""));
    for (before, after) in before.iter().zip(&tables(&host)) {
        for (before, after) in before.iter().zip(after) {
            assert_eq!(before, after);
        }
        assert_eq!(before.len(), after.len());
    }
}
