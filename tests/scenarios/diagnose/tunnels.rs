//! SAs whose selector leaves packets out, and tunnels with a source that is not right.

use scenarios::{Background, Host, link};

use super::{Diagnosis, KEYS, faults::Gateways, pings};

/// The SAs of a gateway, with options of each.
fn set_sas(host: &Host, there: &str, back: &str) {
    assert_eq!(host.setkey("-F").status, 0);
    host.load(&format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel {there} {KEYS};
        add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel {back} {KEYS};"
    ));
}

/// Of packets that leave: the kernel finds no SA, and the one that is there serves other packets of the policy.
#[test]
fn a_selector_that_leaves_packets_out() {
    let hosts = Gateways::new();
    set_sas(&hosts.a, "-sel 10.1.0.0/24 10.2.0.0/30 any", "");
    let pings = pings(&hosts.a, "10.2.0.5");
    let words = [
        "no SA for policy",
        "(out 10.1.0.0/24 > 10.2.0.0/24 any)",
        "esp 0x1001 192.0.2.1 > 192.0.2.2 tunnel does not serve",
        "selector differs: 10.1.0.0/24 > 10.2.0.0/30",
        "delete 192.0.2.1 192.0.2.2 esp 0x1001; add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel -E",
    ];
    Diagnosis::of(&hosts.a, "").names("no-sa", &words);
    // Of packets that a gateway forwards, beside a policy that no SA serves and no packet needs.
    set_sas(&hosts.a, "", "");
    set_sas(&hosts.b, "", "-sel 10.2.0.0/30 10.1.0.0/24 any");
    hosts.b.load(
        "spdadd 10.2.0.0/24 10.9.0.0/24 any -P out ipsec esp/tunnel/192.0.2.2-192.0.2.9/require;",
    );
    let words = ["(out 10.2.0.0/24 > 10.1.0.0/24 any)", "esp 0x1002", "selector differs"];
    Diagnosis::of(&hosts.b, "").names("no-sa", &words);
    drop(pings);
}

#[test]
fn a_selector_that_leaves_received_packets_out() {
    let hosts = Gateways::new();
    set_sas(&hosts.b, "-sel 10.1.0.0/24 10.2.0.0/30 any", "");
    let _pings = pings(&hosts.a, "10.2.0.5");
    Diagnosis::of(&hosts.b, "").names(
        "refused",
        &["the selector of esp 0x1001", "leaves out", "10.2.0.0/30", "delete 192.0.2.1"],
    );
}

/// A selector for all packets of the policy is no fault.
#[test]
fn a_selector_that_is_wide_enough() {
    let hosts = Gateways::new();
    let wide = ["-sel 10.1.0.0/16 10.2.0.0/16 any", "-sel 10.2.0.0/16 10.1.0.0/16 any"];
    for host in [&hosts.a, &hosts.b] {
        set_sas(host, wide[0], wide[1]);
    }
    assert!(hosts.a.ping("10.2.0.5"), "it works");
    let _pings = pings(&hosts.a, "10.2.0.5");
    for host in [&hosts.a, &hosts.b] {
        Diagnosis::of(host, "").is_silent();
    }
}

/// The first gateway with a tunnel between these ends, and an SA from this source.
fn set_source(hosts: &Gateways, tunnel: &str, source: &str) {
    hosts.a.flush();
    hosts.a.load(&format!(
        "add {source} 192.0.2.2 esp 0x1001 -m tunnel {KEYS};
        add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel {KEYS};
        spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/{tunnel}-192.0.2.2/require;
        spdadd 10.2.0.0/24 10.1.0.0/24 any -P in ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;"
    ));
}

fn repeated(host: &Host, dst: &str) -> Background {
    let pings = format!("while :; do ping -c1 -W1 {dst}; sleep 0.2; done >/dev/null 2>&1");
    Background::start(host.command("sh").args(["-c", &pings]))
}

#[test]
fn a_source_of_another_host() {
    let hosts = Gateways::new();
    let _pings = repeated(&hosts.a, "10.2.0.5");
    let words = [
        "the source of the tunnel of policy",
        "esp/tunnel/192.0.2.77-192.0.2.2/require",
        "no address of this host",
        "spdupdate 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require",
        "ip addr add 192.0.2.77 dev DEVICE",
    ];
    // The SA has it, too, or an address of this host.
    hosts.a.ip("addr add 192.0.2.3/32 dev lo");
    for source in ["192.0.2.77", "192.0.2.3"] {
        set_source(&hosts, "192.0.2.77", source);
        Diagnosis::of(&hosts.a, "").names("wrong-source", &words);
    }
}

/// IPv6 sends from any source, and no answer arrives.
#[test]
fn a_source_of_another_host_of_ipv6() {
    let [a, b] = ["a", "b"].map(Host::new);
    link(&a, "fd00::1/64", &b, "fd00::2/64");
    a.ip("addr add fd01::1/128 dev lo nodad\nroute add fd02::/64 via fd00::2 src fd01::1");
    b.ip("addr add fd02::1/128 dev lo nodad\nroute add fd01::/64 via fd00::1 src fd02::1");
    for (host, [out, into]) in [(&a, ["out", "in"]), (&b, ["in", "out"])] {
        host.load(&format!(
            "add fd00::77 fd00::2 esp 0x1001 -m tunnel {KEYS};
            add fd00::2 fd00::77 esp 0x1002 -m tunnel {KEYS};
            spdadd fd01::/64 fd02::/64 any -P {out} ipsec esp/tunnel/fd00::77-fd00::2/require;
            spdadd fd02::/64 fd01::/64 any -P {into} ipsec esp/tunnel/fd00::2-fd00::77/require;"
        ));
    }
    let _pings = pings(&a, "fd02::1");
    Diagnosis::of(&a, "").names(
        "wrong-source",
        &["esp/tunnel/fd00::77-fd00::2/require", "esp/tunnel/fd00::1-fd00::2/require"],
    );
}

/// An address of this host that is not that of the SA, or not that of the peer's SA.
#[test]
fn a_source_that_is_another_address() {
    let hosts = Gateways::new();
    hosts.a.ip("addr add 192.0.2.77/32 dev lo\naddr add 192.0.2.3/32 dev lo");
    let _pings = repeated(&hosts.a, "10.2.0.5");
    set_source(&hosts, "192.0.2.77", "192.0.2.3");
    Diagnosis::of(&hosts.a, "").names(
        "no-sa",
        &[
            "esp/tunnel/192.0.2.77-192.0.2.2/require",
            "src differs: 192.0.2.3",
            "add 192.0.2.77 192.0.2.2 esp 0x1001",
            "spdupdate 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/192.0.2.3-192.0.2.2",
        ],
    );
    // The peer decrypts whatever the source is, and answers to the one that it expects.
    set_source(&hosts, "192.0.2.77", "192.0.2.77");
    assert!(hosts.a.ping("10.2.0.5"), "it works");
    Diagnosis::of(&hosts.a, "").is_silent();
    let answers_to_77 = "delete 192.0.2.2 192.0.2.1 esp 0x1002;
        add 192.0.2.2 192.0.2.77 esp 0x1002 -m tunnel";
    hosts.a.load(&format!("{answers_to_77} {KEYS};"));
    Diagnosis::of(&hosts.a, "").names(
        "unknown-spi",
        &["192.0.2.2 sends esp 0x1002 to 192.0.2.1", "dst differs: 192.0.2.77"],
    );
}
