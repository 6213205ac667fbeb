//! Faults beside XFRM: routes, filters, lengths, programs.

use scenarios::{Background, Host, Outcome, Pair, link};

use super::{
    Diagnosis, KEYS,
    faults::Gateways,
    healthy::{PASSING_UDP, udp_socket},
    pings,
};

fn shell(host: &Host, script: &str) {
    Outcome::success(host.command("sh").args(["-ec", script]));
}

fn protected() -> Pair {
    let pair = Pair::without_sas();
    for (host, [own, other]) in
        [(&pair.a, ["192.0.2.1", "192.0.2.2"]), (&pair.b, ["192.0.2.2", "192.0.2.1"])]
    {
        host.load(&format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 {KEYS};
            add 192.0.2.2 192.0.2.1 esp 0x1002 {KEYS};
            spdadd {own} {other} any -P out ipsec esp/transport//require;
            spdadd {other} {own} any -P in ipsec esp/transport//require;"
        ));
    }
    pair
}

/// The peer has two links to this host, and its packets come by the one that is not its route.
#[test]
fn a_reverse_path_filter() {
    let pair = protected();
    let (a, b) = (&pair.a, &pair.b);
    // The filter drops what ARP asks, too.
    let (of_b, name) = ("02:00:00:00:00:02", b.name());
    a.ip(&format!("link add second type veth peer name second address {of_b} netns {name}"));
    a.ip("link set second up\naddr add 198.51.100.1/24 dev second");
    b.ip("link set second up\naddr add 198.51.100.2/24 dev second");
    // The peer sends by the second link, and this host expects its packets at the first.
    a.ip(&format!(
        "neigh add 198.51.100.2 lladdr {of_b} dev second
        route add 192.0.2.2/32 via 198.51.100.2 src 192.0.2.1"
    ));
    shell(b, "for each in all a second; do echo 1 >/proc/sys/net/ipv4/conf/$each/rp_filter; done");
    let _pings = pings(a, "192.0.2.2");
    Diagnosis::of(b, "").names(
        "rp-filter",
        &["rp_filter", "192.0.2.1", "second", "net.ipv4.conf.second.rp_filter=2"],
    );
}

/// A host behind the gateway sends packets that do not fit into the tunnel, and may not be fragmented.
#[test]
fn packets_that_are_too_long() {
    let hosts = Gateways::new();
    // It does not learn from ICMP.
    hosts.behind.ip("route replace default via 10.2.0.1 mtu lock 1500");
    let _pings = pings(&hosts.behind, "-Mdo -s1472 10.1.0.1");
    Diagnosis::of(&hosts.b, "")
        .names("mtu", &["longer than the MTU of ", "10.2.0.5 > 10.1.0.1", "mtu lock"]);
}

/// A router on the way between the gateways has a smaller MTU, and the gateway does not learn from it.
#[test]
fn a_router_with_a_smaller_mtu() {
    let [a, router, b] = ["a", "router", "b"].map(Host::new);
    link(&a, "192.0.2.1/24", &router, "192.0.2.9/24");
    link(&router, "198.51.100.9/24", &b, "198.51.100.2/24");
    router.forward();
    router.ip("link set dev b mtu 1400");
    a.ip("route add default via 192.0.2.9\naddr add 10.1.0.1/32 dev lo\nroute add 10.2.0.0/24 via 192.0.2.9 src 10.1.0.1");
    b.ip("route add default via 198.51.100.9\naddr add 10.2.0.1/32 dev lo");
    for (host, [out, into]) in [(&a, ["out", "in"]), (&b, ["in", "out"])] {
        host.load(&format!(
            "add 192.0.2.1 198.51.100.2 esp 0x1001 -m tunnel {KEYS};
            add 198.51.100.2 192.0.2.1 esp 0x1002 -m tunnel {KEYS};
            spdadd 10.1.0.0/24 10.2.0.0/24 any -P {out} ipsec esp/tunnel/192.0.2.1-198.51.100.2/require;
            spdadd 10.2.0.0/24 10.1.0.0/24 any -P {into} ipsec esp/tunnel/198.51.100.2-192.0.2.1/require;"
        ));
    }
    shell(&a, "echo 1 >/proc/sys/net/ipv4/ip_no_pmtu_disc");
    a.ip("route replace 198.51.100.2/32 via 192.0.2.9 mtu lock 1500");
    let _pings = pings(&a, "-Mdo -s1400 10.2.0.1");
    Diagnosis::of(&a, "").names("mtu", &["at 192.0.2.9", "1400 bytes"]);
}

fn has_nft(host: &Host) -> bool {
    let outcome = Outcome::of(host.command("nft").args(["add", "table", "ip", "t"]));
    if outcome.status != 0 {
        scenarios::report_skipped("nf_tables, which this kernel does not have");
    }
    outcome.status == 0
}

#[test]
fn firewalls() {
    let pair = protected();
    if !has_nft(&pair.b) {
        return;
    }
    let _pings = pings(&pair.a, "192.0.2.2");
    shell(
        &pair.b,
        "nft add chain ip t in '{ type filter hook prerouting priority -300; }'
        nft add rule ip t in meta l4proto esp drop",
    );
    Diagnosis::of(&pair.b, "")
        .names("not-received", &["esp 0x1001", "firewall", "l4proto esp accept"]);
    shell(
        &pair.b,
        "nft flush chain ip t in
        nft add chain ip t out '{ type filter hook postrouting priority 300; }'
        nft add rule ip t out meta l4proto esp drop",
    );
    Diagnosis::of(&pair.b, "").names("not-sent", &["esp 0x1002", "firewall"]);
}

/// No neighbour has the address of the peer.
#[test]
fn a_peer_that_is_gone() {
    let pair = Pair::without_sas();
    pair.a.load(&format!(
        "add 192.0.2.1 192.0.2.7 esp 0x1001 {KEYS};
        spdadd 192.0.2.1 192.0.2.7 any -P out ipsec esp/transport//require;"
    ));
    let _pings = pings(&pair.a, "192.0.2.7");
    Diagnosis::of(&pair.a, "").names("not-sent", &["esp 0x1001", "neighbour", "ip neigh show"]);
}

#[test]
fn no_route_to_the_other_end() {
    let host = Host::new("alone");
    host.ip("addr add 10.1.0.1/32 dev lo\nlink add eth type dummy\nlink set eth up\nroute add 10.2.0.0/24 dev eth src 10.1.0.1");
    host.load(&format!(
        "add 10.1.0.1 198.51.100.2 esp 0x1001 -m tunnel {KEYS};
        spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/10.1.0.1-198.51.100.2/require;"
    ));
    // A ping ends at once.
    let pings = "while :; do ping -c1 -W1 10.2.0.5; sleep 0.2; done >/dev/null 2>&1";
    let _pings = Background::start(host.command("sh").args(["-c", pings]));
    Diagnosis::of(&host, "")
        .names("no-route", &["no route to 198.51.100.2", "ip route add 198.51.100.2"]);
}

/// The peer has no program with the UDP socket of NAT traversal.
#[test]
fn no_udp_socket() {
    let pair = protected();
    for host in [&pair.a, &pair.b] {
        assert_eq!(host.setkey("-F").status, 0);
        host.load(&format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 -encap espinudp 4500 4500 {KEYS};
            add 192.0.2.2 192.0.2.1 esp 0x1002 -encap espinudp 4500 4500 {KEYS};"
        ));
    }
    let _pings = pings(&pair.a, "192.0.2.2");
    // What the policy demands of every packet, it demands of those that are ESP in UDP.
    Diagnosis::of(&pair.b, "").names(
        "catches-encapsulation",
        &["ESP in UDP", "192.0.2.1 192.0.2.2[4500] udp -P in prio high none"],
    );
    pair.load(PASSING_UDP);
    Diagnosis::of(&pair.b, "").names("no-udp-socket", &["UDP socket", "esp 0x1001"]);
}

/// The peer answers ESP in UDP by ICMP.
#[test]
fn an_answer_by_icmp() {
    let hosts = Gateways::new();
    for host in [&hosts.a, &hosts.b] {
        assert_eq!(host.setkey("-F").status, 0);
        host.load(&format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel -encap espinudp 4500 4500 {KEYS};
            add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel -encap espinudp 4500 4500 {KEYS};"
        ));
    }
    let _pings = pings(&hosts.a, "10.2.0.5");
    Diagnosis::of(&hosts.a, "").names("unreachable", &["192.0.2.2 reports", "UDP port"]);
    Diagnosis::of(&hosts.b, "").names("no-udp-socket", &["esp 0x1001"]);
}

/// Only one end encapsulates.
#[test]
fn an_encapsulation_at_one_end() {
    let pair = protected();
    let _socket = udp_socket(&pair.b);
    pair.load(PASSING_UDP);
    assert_eq!(pair.a.setkey("-F").status, 0);
    pair.a.load(&format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -encap espinudp 4500 4500 {KEYS};
        add 192.0.2.2 192.0.2.1 esp 0x1002 {KEYS};"
    ));
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.b, "").names("refused", &["esp 0x1001", "encapsulation"]);
}

/// Without privilege nothing is known.
#[test]
fn without_privilege() {
    let host = Host::new("host");
    let mut command = host.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]);
    let outcome = Outcome::of(command.arg(scenarios::ipsecctl()).args(["diagnose", "--seconds=1"]));
    let expected =
        "ipsecctl: CAP_NET_ADMIN is missing in this network namespace's user namespace\n";
    assert_eq!(
        (outcome.status, outcome.stdout.as_str(), outcome.stderr.as_str()),
        (2, "", expected)
    );
}

/// The setting of one device, whose name has a dot, and that of all.
#[test]
fn packets_leave_without_a_look_at_policies() {
    let pair = protected();
    let a = &pair.a;
    a.ip("link set dev b down
        link set dev b name up.9
        link set dev up.9 up");
    for (setting, others) in [("all", "up.9"), ("up.9", "all")] {
        let script = format!(
            "echo 1 >/proc/sys/net/ipv4/conf/{setting}/disable_xfrm
            echo 0 >/proc/sys/net/ipv4/conf/{others}/disable_xfrm"
        );
        shell(a, &script);
        let _pings = pings(a, "192.0.2.2");
        let remedy = "sysctl net.ipv4.conf.up/9.disable_xfrm=0 net.ipv4.conf.all.disable_xfrm=0";
        Diagnosis::of(a, "").names("disable-xfrm", &["disable_xfrm", remedy]);
    }
}
