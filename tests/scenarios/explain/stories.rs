//! Faults that are planted one at a time in a set-up that works: each is the one that is named.

use std::{thread::sleep, time::Duration};

use scenarios::{Host, Outcome, Pair, protocol};
use serde_json::Value;

pub const KEYS: &str = r#"-E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;

/// Tunnels between 10.1.0.0/24 behind the first host and 10.2.0.0/24 behind the second, as the first host has them.
fn tunnels(host: &Host) {
    network(host);
    host.load(&sas(""));
    host.load(&policies());
}

/// A gateway with 10.1.0.5 in its net, to which the rest of the world is by 192.0.2.2.
fn network(host: &Host) {
    host.ip("link add wan type dummy
        link set wan up
        addr add 192.0.2.1/24 dev wan
        route add default via 192.0.2.2
        link add lan type dummy
        link set lan up
        addr add 10.1.0.5/24 dev lan");
    host.forward();
}

fn sas(options: &str) -> String {
    format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel {options} {KEYS};
        add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel {options} {KEYS};"
    )
}

fn policies() -> String {
    "spdadd 10.1.0.0/24 10.2.0.0/24 any -P out prio 100 ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;
    spdadd 10.2.0.0/24 10.1.0.0/24 any -P in prio 100 ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;"
        .to_owned()
}

/// The explanation of a packet, and the text.
pub fn explain(host: &Host, words: &str) -> (Value, String) {
    let json = host.ipsecctl(&format!("explain {words} --json"));
    let document: Value =
        serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json:?}"));
    let text = host.ipsecctl(&format!("explain {words}"));
    assert_eq!((json.status, text.stderr.as_str()), (text.status, ""), "{text:?}");
    let explanation = document["explanation"].clone();
    let status = match explanation["verdict"].as_str() {
        Some("clear" | "protected") => 0,
        Some("dropped") => 1,
        _ => 2,
    };
    assert_eq!(text.status, status, "{explanation}");
    (explanation, text.stdout)
}

/// Plants a fault in the tunnels: what names it in the explanation of this packet.
#[track_caller]
fn fault(plant: impl FnOnce(&Host), packet: &str, named: &[&str]) {
    let host = Host::new("host");
    tunnels(&host);
    plant(&host);
    let (explanation, text) = explain(&host, packet);
    let all = format!("{explanation} {}", text.split_whitespace().collect::<Vec<_>>().join(" "));
    for part in named {
        assert!(all.contains(part), "{part}\n{text}\n{explanation}");
    }
}

const OUT: &str = "out 10.1.0.5 10.2.0.5:80 tcp";
const IN: &str = "in 10.2.0.5 10.1.0.5:80 tcp --spi 0x1002";
const FWD: &str = "fwd 10.2.0.5 10.1.0.7:80 tcp --spi 0x1002";

#[test]
fn what_works_is_explained_so() {
    let host = Host::new("host");
    tunnels(&host);
    for packet in [OUT, IN, FWD] {
        let (explanation, text) = explain(&host, packet);
        let expected = if packet == FWD { "clear" } else { "protected" };
        assert_eq!(explanation["verdict"], expected, "{text}");
        // The forward copy is no near miss of a packet that its `in` policy takes, nor the other way round.
        assert!(!text.contains("differs"), "{text}");
    }
    let (explanation, text) = explain(&host, &format!("{OUT} --length 84"));
    assert_eq!(explanation["wire"]["length"], 152, "{text}");
    assert!(text.contains("overhead  58 to 73 bytes, by padding"), "{text}");
}

#[test]
fn each_planted_fault_is_named() {
    // No SA at all.
    fault(
        |host| drop(host.setkey("-F")),
        OUT,
        &["XfrmOutNoStates", "add 192.0.2.1 192.0.2.2 esp SPI -m tunnel KEYS;"],
    );
    // A field of the SA differs.
    for (options, differs) in [
        ("-u 7", "reqid differs: 7"),
        ("-mark 1/1", "mark differs: 0x1/0x1"),
        ("-ifid 3", "if_id differs: 3"),
    ] {
        let plant = |host: &Host| {
            let _ = host.setkey("-F");
            host.load(&sas(options));
        };
        fault(plant, OUT, &["XfrmOutNoStates", differs]);
    }
    let transport = |host: &Host| {
        let _ = host.setkey("-F");
        host.load(&sas("").replace("-m tunnel", "-m transport"));
    };
    fault(transport, OUT, &["XfrmOutNoStates", "mode differs: transport"]);
    // A policy that comes before, or does not match.
    fault(
        |host| host.load("spdadd 10.1.0.0/24 10.2.0.5 any -P out prio 200 none;"),
        OUT,
        &["\"verdict\":\"clear\"", "10.2.0.5"],
    );
    fault(
        |host| host.load("spdadd 10.1.0.0/24 10.2.0.5 any -P out prio 200 discard;"),
        OUT,
        &["XfrmOutPolBlock", "discard"],
    );
    fault(|_| (), "out 10.1.1.5 10.2.0.5:80 tcp", &["\"verdict\":\"clear\"", "src differs"]);
    // What is received.
    fault(|_| (), &IN.replace("0x1002", "0x1003"), &["XfrmInNoStates"]);
    fault(|_| (), &IN.replace(" --spi 0x1002", ""), &["XfrmInTmplMismatch", "it comes in clear"]);
    fault(
        |host| host.ip("xfrm policy delete src 10.2.0.0/24 dst 10.1.0.0/24 dir fwd"),
        FWD,
        &[
            "XfrmInNoPols",
            "direction differs: in",
            "-P fwd ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;",
        ],
    );
    let of_reqid = |host: &Host| {
        let _ = host.setkey("-FP");
        host.load(&policies().replace("require", "unique:9"));
    };
    fault(of_reqid, IN, &["XfrmInTmplMismatch", "reqid differs: none"]);
    // Limits.
    let expired = |host: &Host| {
        let _ = host.setkey("-F");
        host.ip("xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode tunnel replay-oseq 4294967295 \
            aead rfc4106(gcm(aes)) 0x0102030405060708090a0b0c0d0e0f1011121314 128");
    };
    fault(expired, OUT, &["XfrmOutStateSeqError"]);
    // The default policy.
    fault(
        |host| host.set("net.inet.ipsec.def_policy=0"),
        "out 10.7.0.5 10.8.0.5 udp",
        &["XfrmOutPolBlock", "def_policy"],
    );
    fault(
        |host| host.ip("xfrm policy setdefault in block"),
        "in 10.7.0.5 10.1.0.5 udp",
        &["XfrmInNoPols", "the kernel's default policy"],
    );
}

#[test]
fn partial_policies_are_explained_as_requested_and_installed() {
    let host = Host::new("host");
    network(&host);
    let _ = host.setkey_text(
        "spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec
            esp/tunnel/192.0.2.1-192.0.2.2/use ah/tunnel/192.0.2.1-192.0.2.2/use;",
    );
    let (explanation, text) = explain(&host, OUT);
    assert_eq!(explanation["verdict"], "clear");
    assert_eq!(explanation["output"]["requested"][0]["level"], "use");
    assert!(text.contains("partial: requested is esp/tunnel/192.0.2.1-192.0.2.2/use"), "{text}");
    // What is not installed is in JSON as in the text.
    let missing = &explanation["output"]["not_installed"];
    assert_eq!(missing.as_array().map(Vec::len), Some(2), "{explanation}");
    assert_eq!(missing[0]["template"]["level"], "use");
    assert_eq!(missing[0]["optional"], true);
    host.load(&format!("add 192.0.2.1 192.0.2.12 esp 0x1003 -m tunnel {KEYS};"));
    let near = explain(&host, OUT).0["output"]["not_installed"][0]["near"][0].clone();
    assert_eq!((&near["field"], &near["sa"]["spi"]), (&"dst".into(), &0x1003.into()), "{near}");
    host.load(&sas(""));
    let (explanation, text) = explain(&host, OUT);
    assert_eq!(explanation["verdict"], "protected", "{text}");
    let missing = &explanation["output"]["not_installed"];
    assert_eq!(missing.as_array().map(Vec::len), Some(1), "{explanation}");
    assert_eq!(missing[0]["template"]["protocol"], "ah");
}

#[test]
fn what_is_not_given_and_decides_is_named() {
    let host = Host::new("host");
    network(&host);
    host.load("spdadd 10.1.0.0/24 10.2.0.0/24[80] tcp -P out ipsec esp/transport//require;");
    let (explanation, text) = explain(&host, "out 10.1.0.5 10.2.0.5");
    assert_eq!(
        explanation["unknown_fields"].to_string(),
        r#"["protocol","destination port"]"#,
        "{text}"
    );
    assert_eq!(explain(&host, "out 10.1.0.5 10.2.0.5 udp").0["verdict"], "clear");
}

/// The packet of a capture, and the sequence numbers that its SA has received.
#[test]
fn a_captured_packet_is_followed() {
    let pair = Pair::new();
    pair.load("spdadd 192.0.2.1 192.0.2.2 icmp -P out ipsec esp/transport//require;");
    let _ = pair.b.setkey("-FP");
    let esp = |spi: &str, sequence: &str| {
        // The rest was not captured.
        format!("45000060000040004032000 0c0000201c0000202 {spi} {sequence} 01020304")
            .replace(' ', "")
    };
    let (explanation, text) =
        explain(&pair.b, &format!("in --from {}", esp("00001001", "00000001")));
    assert!(
        explanation["verdict"] == "unknown" && text.contains("esp 0x1001, sequence 1"),
        "{text}"
    );
    let inner = format!("in 192.0.2.1 192.0.2.2 icmp/8/0 --from {}", esp("00001001", "00000001"));
    assert_eq!(explain(&pair.b, &inner).0["verdict"], "protected");
    let other = format!("in 192.0.2.1 192.0.2.2 icmp/8/0 --from {}", esp("00001009", "00000001"));
    assert_eq!(explain(&pair.b, &other).0["counters"][0], "XfrmInNoStates");
}

/// The policy of a socket is before the SPD.
#[test]
fn a_socket_has_its_own_policy() {
    let pair = Pair::without_sas();
    let server =
        pair.serve(&["in ipsec esp/transport//require"], "AF_INET SOCK_DGRAM 192.0.2.2 5000");
    let list = pair.b.ipsecctl("socket list").stdout;
    let words = list.split_whitespace().collect::<Vec<_>>();
    let [pid, _, fd, ..] = words[..] else { panic!("{list}") };
    let packet = format!("in 192.0.2.1 192.0.2.2:5000 udp --socket {pid}:{fd}");
    let (explanation, text) = explain(&pair.b, &packet);
    assert_eq!(explanation["counters"][0], "XfrmInTmplMismatch", "{text}");
    assert!(text.contains("of the socket:"), "{text}");
    drop(server);
}

/// The routing table has the source, the device and the MTU, for each user its own.
#[test]
fn routes_are_the_kernels() {
    let host = Host::new("host");
    host.ip("link add one mtu 1400 type dummy
        link add two mtu 1300 type dummy
        addr add 10.1.0.1/24 dev one
        addr add 2001:db8:1::1/64 dev one nodad
        addr add 10.2.0.1/24 dev two
        addr add 2001:db8:2::1/64 dev two nodad
        link set one up
        link set two up
        route add 10.9.0.0/16 via 10.1.0.2 mtu 1350
        route add 10.9.0.0/16 via 10.2.0.2 table 7
        route add 2001:db8:9::/48 via 2001:db8:1::2
        route add 2001:db8:9::/48 via 2001:db8:2::2 table 7
        rule add uidrange 1000-1000 lookup 7");
    // ip(8) takes `-6` before the words of a batch alone.
    let rule = ["-6", "rule", "add", "uidrange", "1000-1000", "lookup", "7"];
    Outcome::success(host.command("ip").args(rule));
    for (packet, source, device, mtu) in [
        ("out 0.0.0.0 10.9.0.1 udp", "10.1.0.1", "one", 1350),
        ("out 0.0.0.0 10.9.0.1 udp --uid 1000", "10.2.0.1", "two", 1300),
        ("out :: 2001:db8:9::1 udp", "2001:db8:1::1", "one", 1400),
        ("out :: 2001:db8:9::1 udp --uid 1000", "2001:db8:2::1", "two", 1300),
        ("out 0.0.0.0 10.9.0.1 udp --dev two --uid 1000", "10.2.0.1", "two", 1300),
    ] {
        let (explanation, text) = explain(&host, packet);
        let route = &explanation["route"];
        let found = (&explanation["packet"]["src"], &route["device"], &route["mtu"]);
        let expected = (&source.into(), &device.into(), &mtu.into());
        assert_eq!(found, expected, "{text}");
        assert!(text.contains(&format!("route     by {device} to ")), "{text}");
    }
    // The source of a tunnel without one, and the longest packet for its link: of 1350 bytes 20, 8, 16 and 12 are headers, IV
    // and ICV, and what is encrypted is a multiple of 16 with a trailer of 2.
    host.load(
        "spdadd 10.1.0.0/24 10.9.0.0/16 any -P out ipsec esp/tunnel/0.0.0.0-10.9.0.9/require;",
    );
    host.load(&format!("add 10.1.0.1 10.9.0.9 esp 0x1001 -m tunnel {KEYS};"));
    let (explanation, text) = explain(&host, "out 10.1.0.1 10.9.0.1 udp");
    assert_eq!(explanation["verdict"], "protected", "{text}");
    assert_eq!(explanation["wire"]["mtu"], 1278, "{text}");
    let unreachable = explain(&host, "out 10.1.0.1 192.0.2.1 udp");
    assert_eq!(unreachable.0["route"]["refused"], "Network is unreachable", "{}", unreachable.1);
    // No policy is looked up where the device has disable_xfrm.
    let set = "echo 1 >/proc/sys/net/ipv4/conf/one/disable_xfrm";
    assert_eq!(Outcome::of(host.command("sh").args(["-c", set])).status, 0);
    let (explanation, text) = explain(&host, "out 10.1.0.1 10.9.0.1 udp");
    assert_eq!(
        (&explanation["verdict"], &explanation["output"]["exempt"]),
        (&"clear".into(), &true.into()),
        "{text}"
    );
}

#[test]
fn without_privilege() {
    let host = Host::new("host");
    let mut command = host.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]);
    command.arg(scenarios::ipsecctl()).args(OUT_WORDS);
    let outcome = Outcome::of(&mut command);
    let expected =
        "ipsecctl: CAP_NET_ADMIN is missing in this network namespace's user namespace\n";
    assert_eq!(
        (outcome.status, outcome.stdout.as_str(), outcome.stderr.as_str()),
        (2, "", expected)
    );
}

const OUT_WORDS: [&str; 4] = ["explain", "out", "10.0.0.1", "10.0.0.2"];

/// The kernel sends an ICMP error by the policy of the packet that it is about, if that has the flag.
#[test]
fn an_icmp_error_may_take_another_policy() {
    let pair = Pair::without_sas();
    let load = |verb: &str, flag: &str| {
        let ends = "src 192.0.2.1 dst 192.0.2.2 proto udp dir out";
        pair.a.ip(&format!("xfrm policy {verb} {ends} {flag} tmpl proto esp mode transport"));
    };
    pair.a
        .load("add 192.0.2.1 192.0.2.2 esp 0x1001 -E null -A hmac-sha1 \"twenty bytes of key!\";");
    let protected = || {
        let sas = pair.a.ipsecctl("show sas --json --spi 0x1001").stdout;
        let sas: Value = serde_json::from_str(&sas).expect("JSON");
        sas["sas"][0]["packets"].as_u64().expect("a number")
    };
    // No program has the port.
    let send = || {
        let mut bash = pair.b.command("bash");
        let outcome = Outcome::of(bash.args(["-c", "echo >/dev/udp/192.0.2.1/4000"]));
        assert_eq!(outcome.status, 0, "{outcome:?}");
        sleep(Duration::from_millis(500));
    };
    let error = "out 192.0.2.1 192.0.2.2 icmp/3/3";
    load("add", "");
    send();
    assert_eq!((protected(), explain(&pair.a, error).0["verdict"].as_str()), (0, Some("clear")));
    load("update", "flag icmp");
    send();
    let (explanation, text) = explain(&pair.a, error);
    assert_eq!((protected(), &explanation["verdict"]), (1, &"unknown".into()), "{text}");
    assert!(text.contains("an ICMP error may take policy "), "{text}");
    let echo = explain(&pair.a, "out 192.0.2.1 192.0.2.2 icmp/8/0").0;
    assert_eq!(echo["verdict"], "clear");
    // Without an SA for that policy it leaves in clear, and is counted as if it had been dropped.
    assert_eq!(pair.a.setkey("-F").status, 0);
    drop(pair.wire.received());
    send();
    let counters = Outcome::success(pair.a.command("cat").arg("/proc/net/xfrm_stat"));
    let mut lines = counters.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert!(lines.any(|line| line == ["XfrmOutNoStates", "1"]), "{counters}");
    let packets = pair.wire.received();
    assert_eq!(packets.iter().filter(|packet| packet.protocols[0] == protocol::ICMP).count(), 1);
}

/// Not every kernel has policies of type `sub`.
#[test]
fn a_sub_policy_is_named() {
    let host = Host::new("host");
    network(&host);
    let words = "xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out ptype sub action block";
    let outcome = Outcome::of(host.command("ip").args(words.split(' ')));
    if outcome.status != 0 {
        println!("skipped: {}", outcome.stderr);
        return;
    }
    let (explanation, text) = explain(&host, OUT);
    assert_eq!(explanation["verdict"], "unknown");
    assert!(text.contains("of type sub may match"), "{text}");
    assert_eq!(explain(&host, "out 10.1.0.5 10.3.0.5:80 tcp").0["verdict"], "clear");
}
