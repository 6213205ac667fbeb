//! Set-ups that work: nothing is found.

use scenarios::{Host, Pair, Program, has_xfrm_interfaces, linked_hosts};

use super::{Diagnosis, KEYS, faults::Gateways, pings};

/// Pings from both hosts, and no cause at either.
#[track_caller]
fn is_healthy(a: &Host, to_b: &str, b: &Host, to_a: &str) {
    assert!(a.ping(to_b) && b.ping(to_a), "it works");
    let _pings = [pings(a, to_b), pings(b, to_a)];
    finds_nothing([a, b]);
}

/// SAs are used, and no cause is found.
#[track_caller]
fn finds_nothing(hosts: [&Host; 2]) {
    for host in hosts {
        let diagnosis = Diagnosis::of(host, "");
        diagnosis.is_silent();
        assert!(!diagnosis.text.contains("\"sent\": 0"), "SAs are used: {}", diagnosis.text);
    }
}

/// Policies with these templates, where SRC and DST are the hosts, and SAs. The second host has the reverse.
fn transport(templates: &str, sas: &str) -> Pair {
    let pair = Pair::without_sas();
    pair.load(sas);
    for (host, [own, other]) in
        [(&pair.a, ["192.0.2.1", "192.0.2.2"]), (&pair.b, ["192.0.2.2", "192.0.2.1"])]
    {
        host.load(&format!(
            "spdadd {own} {other} any -P out ipsec {templates};
            spdadd {other} {own} any -P in ipsec {templates};"
        ));
    }
    pair
}

fn both(options: impl Fn(&str, &str) -> String) -> String {
    options("192.0.2.1", "192.0.2.2") + &options("192.0.2.2", "192.0.2.1")
}

fn spi(src: &str) -> &'static str {
    if src == "192.0.2.1" { "0x1001" } else { "0x1002" }
}

#[track_caller]
fn pair_is_healthy(pair: &Pair) {
    is_healthy(&pair.a, "192.0.2.2", &pair.b, "192.0.2.1");
}

#[test]
fn transport_mode() {
    let sas = both(|src, dst| format!("add {src} {dst} esp {} {KEYS};", spi(src)));
    pair_is_healthy(&transport("esp/transport//require", &sas));
}

#[test]
fn ah() {
    let sas = both(|src, dst| {
        format!(r#"add {src} {dst} ah {} -A hmac-sha1 "twenty bytes of key!";"#, spi(src))
    });
    pair_is_healthy(&transport("ah/transport//require", &sas));
}

#[test]
fn esp_and_ah() {
    let sas = both(|src, dst| {
        format!(
            r#"add {src} {dst} esp {} {KEYS};
            add {src} {dst} ah {}0 -A hmac-sha1 "twenty bytes of key!";"#,
            spi(src),
            spi(src)
        )
    });
    pair_is_healthy(&transport("esp/transport//require ah/transport//require", &sas));
}

/// Packets that are too short are not compressed, and arrive without a header of IPComp.
#[test]
fn ipcomp() {
    let sas = both(|src, dst| format!("add {src} {dst} ipcomp {} -C deflate;", spi(src)));
    let pair = transport("ipcomp/transport//use", &sas);
    is_healthy(&pair.a, "-s1000 192.0.2.2", &pair.b, "-s1000 192.0.2.1");
}

#[test]
fn ipv6() {
    let pair = Pair::new();
    for (host, [own, other]) in
        [(&pair.a, ["2001:db8::1", "2001:db8::2"]), (&pair.b, ["2001:db8::2", "2001:db8::1"])]
    {
        host.load(&format!(
            "spdadd {own} {other} any -P out ipsec esp/transport//require;
            spdadd {other} {own} any -P in ipsec esp/transport//require;
            spdadd ::/0 ::/0 icmp6 135,0 -P out prio high none;
            spdadd ::/0 ::/0 icmp6 136,0 -P out prio high none;
            spdadd ::/0 ::/0 icmp6 135,0 -P in prio high none;
            spdadd ::/0 ::/0 icmp6 136,0 -P in prio high none;"
        ));
    }
    is_healthy(&pair.a, "2001:db8::2", &pair.b, "2001:db8::1");
}

#[test]
fn tunnels_and_a_gateway() {
    let hosts = Gateways::new();
    assert!(hosts.a.ping("10.2.0.5") && hosts.behind.ping("10.1.0.1"), "it works");
    let _pings = [pings(&hosts.a, "10.2.0.5"), pings(&hosts.behind, "10.1.0.1")];
    finds_nothing([&hosts.a, &hosts.b]);
}

/// ESP in UDP, with the socket that decapsulates.
#[test]
fn nat_traversal() {
    let sas = both(|src, dst| {
        format!("add {src} {dst} esp {} -encap espinudp 4500 4500 {KEYS};", spi(src))
    });
    let pair = transport("esp/transport//require", &sas);
    pair.load(PASSING_UDP);
    let _sockets = [&pair.a, &pair.b].map(udp_socket);
    pair_is_healthy(&pair);
}

/// The UDP socket checks its own policy before it decapsulates.
pub const PASSING_UDP: &str = "spdadd 192.0.2.0/24 192.0.2.0/24[4500] udp -P in prio high none;";

/// A program with the UDP socket of NAT traversal.
pub fn udp_socket(host: &Host) -> Program {
    // IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP.
    let script = "import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(17, 100, 2)
s.bind(('', 4500))
print('ready', flush=True)
time.sleep(1000)";
    Program::start(host.command("/usr/bin/python3").args(["-c", script]))
}

#[test]
fn xfrm_interfaces() {
    if !has_xfrm_interfaces() {
        return;
    }
    let [a, b] = linked_hosts();
    for (host, device, [own, other], [inner, far]) in [
        (&a, "b", ["192.0.2.1", "192.0.2.2"], ["10.1.0.1", "10.2.0.1"]),
        (&b, "a", ["192.0.2.2", "192.0.2.1"], ["10.2.0.1", "10.1.0.1"]),
    ] {
        host.ip(&format!(
            "link add ipsec0 type xfrm dev {device} if_id 5
            link set ipsec0 up
            addr add {inner}/32 dev ipsec0
            route add {far}/32 dev ipsec0"
        ));
        host.load(&both(|src, dst| {
            format!("add {src} {dst} esp {} -m tunnel -ifid 5 {KEYS};", spi(src))
        }));
        host.ip(&format!(
            "xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 5 tmpl src {own} dst {other} proto esp mode tunnel
            xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir in if_id 5 tmpl src {other} dst {own} proto esp mode tunnel"
        ));
    }
    is_healthy(&a, "10.2.0.1", &b, "10.1.0.1");
}

/// Packets with a mark are protected, others are not.
#[test]
fn marks() {
    let pair = Pair::without_sas();
    for (host, [own, other]) in
        [(&pair.a, ["192.0.2.1", "192.0.2.2"]), (&pair.b, ["192.0.2.2", "192.0.2.1"])]
    {
        host.load(&format!(
            "add {own} {other} esp {} -mark 1/1 {KEYS}; add {other} {own} esp {} {KEYS};",
            spi(own),
            spi(other)
        ));
        host.ip(&format!(
            "xfrm policy add src {own}/32 dst {other}/32 dir out mark 1 mask 1 tmpl proto esp mode transport"
        ));
    }
    is_healthy(&pair.a, "-m1 192.0.2.2", &pair.b, "-m1 192.0.2.1");
}

#[test]
fn unique_numbers() {
    let sas = both(|src, dst| format!("add {src} {dst} esp {} -u 7 {KEYS};", spi(src)));
    pair_is_healthy(&transport("esp/transport//unique:7", &sas));
}

/// SAs and policies, and no packet.
#[test]
fn idle() {
    let sas = both(|src, dst| format!("add {src} {dst} esp {} {KEYS};", spi(src)));
    let pair = transport("esp/transport//require", &sas);
    Diagnosis::of(&pair.a, "").is_silent();
    Diagnosis::of(&pair.a, "192.0.2.2").is_silent();
    // Nor a host without IPsec.
    Diagnosis::of(&Host::new("alone"), "").is_silent();
}
