//! What is nearly right is named, and each remedy, carried out, mends it.

use scenarios::Host;

use super::{
    inbound::{ESP, mend},
    stories::explain,
};

const OUT: &str = "out 192.0.2.1:40000 192.0.2.2:5300 udp";

fn host() -> Host {
    let host = Host::new("host");
    host.ip("link add one type dummy
        addr add 192.0.2.1/24 dev one
        link set one up");
    host
}

/// What is named, and that the packet passes once the remedy is carried out.
#[track_caller]
fn mends(script: &str, packet: &str, named: &[&str]) {
    let host = host();
    host.load(script);
    let (explanation, text) = explain(&host, packet);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in named {
        assert!(flat.contains(part), "{part}\n{text}");
    }
    mend(&host, &explanation);
    let (explanation, text) = explain(&host, packet);
    assert_eq!(explanation["verdict"], "protected", "{text}");
}

fn out(options: &str, template: &str) -> String {
    format!("spdadd 192.0.2.1 192.0.2.2 any {options} -P out ipsec {template};")
}

#[test]
fn an_sa_is_added_as_the_template_demands() {
    let esp = "esp/transport//require";
    mends(&out("-ifid 7", esp), &format!("{OUT} --ifid 7"), &["SPI -m transport -ifid 7 KEYS;"]);
    let marked = format!("add 192.0.2.1 192.0.2.2 esp 0x1001 -mark 0x11/0xff {ESP};");
    let policy = out("-mark 0x10/0x10", esp);
    mends(
        &format!("{marked}{policy}"),
        &format!("{OUT} --mark 0x11"),
        &["mark differs: 0x11/0xff"],
    );
    mends(&out("", &format!("{esp}/spi:0x1002")), OUT, &["add 192.0.2.1 192.0.2.2 esp 0x1002 "]);
    let comp = "ipcomp/transport//require/spi:0x1002";
    mends(&out("", comp), OUT, &["ipcomp 0x1002 -m transport -C deflate;"]);
}

#[test]
fn an_sa_of_which_two_fields_differ_is_named() {
    let script = format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -m transport -u 6 {ESP}; {}",
        out("", "esp/tunnel/192.0.2.1-192.0.2.2/unique:5")
    );
    let parts = ["not esp 0x1001", "mode differs: transport, reqid differs: 6"];
    mends(&script, OUT, &parts);
}

/// Where what has no policy is dropped.
#[test]
fn a_policy_is_made_of_one_for_another_port() {
    let script = format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 {ESP};
        spdadd 192.0.2.1 192.0.2.2[5301] udp -P out ipsec esp/transport//require;"
    );
    let host = host();
    host.ip("xfrm policy setdefault out block");
    host.load(&script);
    let (explanation, text) = explain(&host, OUT);
    assert_eq!(explanation["reason"], "kernel default discards", "{text}");
    mend(&host, &explanation);
    let (explanation, text) = explain(&host, OUT);
    assert_eq!(explanation["verdict"], "protected", "{text}");
}

/// An `in` policy is added beside the `fwd` one that is there, and the other way round.
#[test]
fn a_policy_for_received_packets_is_made_of_the_other_one() {
    let sa = format!("add 192.0.2.2 192.0.2.1 esp 0x1001 -m tunnel {ESP};");
    let policy =
        "spdadd 10.1.0.0/24 192.0.2.0/24 udp -P fwd ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;";
    let parts = ["direction differs: fwd", "udp -nofwd -P in ipsec"];
    let packet = "in 10.1.0.1:40000 192.0.2.1:5300 udp --dev one --spi 0x1001";
    mends(&format!("{sa}{policy}"), packet, &parts);
}

#[test]
fn a_policy_of_the_wrong_direction_is_named() {
    let named = |policy: &str, packet: &str, part: &str| {
        let host = host();
        host.load(policy);
        let (explanation, text) = explain(&host, packet);
        assert_eq!(explanation["verdict"], "clear", "{text}");
        assert!(
            text.split_whitespace().collect::<Vec<_>>().join(" ").contains(part),
            "{part}\n{text}"
        );
    };
    let policy = |ends: &str, direction: &str| {
        format!("spdadd {ends} any -P {direction} ipsec esp/transport//require;")
    };
    named(&policy("192.0.2.1 192.0.2.2", "in"), OUT, "direction differs: in");
    named(&policy("192.0.2.2 192.0.2.1", "out"), OUT, "src and dst are the other way round");
    // Each field has its value.
    named(&policy("192.0.2.1 192.0.2.0/31", "out"), OUT, "dst differs: 192.0.2.0/31");
    let ports = "spdadd 192.0.2.1 192.0.2.2 tcp -P out ipsec esp/transport//require;";
    named(ports, OUT, "protocol differs: tcp");
    let icmp = "spdadd 192.0.2.1[13] 192.0.2.2 icmp -P out ipsec esp/transport//require;";
    named(
        icmp,
        "out 192.0.2.1 192.0.2.2 icmp/8/0",
        "icmp type 13, priority 2147483648, ipsec: type differs: 13",
    );
    let masked = "spdadd 192.0.2.1 192.0.2.2[5296] udp -portmask 0/0xfff0 -user 1000 -P out none;";
    named(masked, OUT, "[5296] udp, port masks 0x0/0xfff0, user 1000 (never compared)");
}

/// The tunnel around the SA of the template is not demanded.
#[test]
fn a_policy_is_made_of_all_headers() {
    let script = format!(
        "add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel {ESP}; add 10.1.0.1 192.0.2.1 esp 0x1001 {ESP};
        spdadd 10.1.0.1 192.0.2.1 any -P in ipsec esp/transport//require;"
    );
    let packet = "in 10.1.0.1:40000 192.0.2.1:5300 udp --dev one --spi 0x1002 --spi 0x1001";
    let parts = ["surplus esp 0x1002 192.0.2.2 > 192.0.2.1 tunnel: no template demands it"];
    mends(&script, packet, &parts);
}

#[test]
fn what_passes_otherwise_is_named() {
    let named = |script: &str, packet: &str, parts: &[&str]| {
        let host = host();
        host.load(script);
        let (_, text) = explain(&host, packet);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(flat.contains(part), "{part}\n{text}");
        }
    };
    let tunnel = "esp/tunnel/192.0.2.1-192.0.2.2/use";
    let partial =
        format!("add 192.0.2.1 192.0.2.12 esp 0x1001 -m tunnel {ESP}; {}", out("", tunnel));
    let missing = ["use, not installed no SA", "not esp 0x1001 192.0.2.1 > 192.0.2.12 tunnel: dst"];
    named(&partial, OUT, &missing);
    named("", "out 10.9.9.9 192.0.2.2 udp", &["its source is no address of this host"]);
    let discard = "spdadd 192.0.2.1 192.0.2.2 udp -P out prio high discard;";
    let behind = format!("{discard} {}", out("", "esp/transport//require"));
    named(&behind, OUT, &["would protect it: give it a better priority than policy"]);
}

#[test]
fn what_comes_in_clear_is_let_pass() {
    let host = host();
    host.ip("xfrm policy setdefault in block");
    let packet = "in 192.0.2.2:40000 192.0.2.1:5300 udp --dev one";
    let (explanation, text) = explain(&host, packet);
    assert_eq!(explanation["reason"], "kernel default discards", "{text}");
    assert!(text.contains("lets it pass in clear"), "{text}");
    mend(&host, &explanation);
    assert_eq!(explain(&host, packet).0["verdict"], "clear");
}

#[test]
fn an_sa_that_a_header_does_not_name_is_shown_with_the_field() {
    let host = host();
    host.load(&format!("add 192.0.2.2 192.0.2.1 esp 0x1001 -mark 5/0xff {ESP};"));
    let esp = "4500002000004000403200 00c0000202c000020100001001000000010102030 4".replace(' ', "");
    let packet = format!("in 192.0.2.2:40000 192.0.2.1:5300 udp --dev one --from {esp}");
    let (explanation, text) = explain(&host, &packet);
    assert_eq!(explanation["counters"][0], "XfrmInNoStates", "{text}");
    assert!(text.contains("dropped: the SA of its SPI has another mark"), "{text}");
    assert!(text.contains("mark differs: 0x5/0xff"), "{text}");
}
