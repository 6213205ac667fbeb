//! Gateways between which a tunnel works, and networks behind them that packets do not reach, or that do not answer.

use scenarios::{Background, Host};

use super::{Diagnosis, faults::Gateways, pings};

/// Pings that begin again, since one ends at once without a route.
fn repeated(host: &Host, words: &str) -> Background {
    let pings = format!("while :; do ping -c1 -W1 {words}; sleep 0.2; done >/dev/null 2>&1");
    Background::start(host.command("sh").args(["-c", &pings]))
}

/// What is decrypted cannot be forwarded.
#[test]
fn no_route_to_what_is_inside() {
    let hosts = Gateways::new();
    hosts.b.ip("route del 10.2.0.0/24");
    // What the gateway reports to the sender, of the first packets alone (`ip_error` and `icmpv4_xrlim_allow` share one
    // limit).
    let later = "sleep 1; exec ping -n -i0.2 10.2.0.5";
    let _pings = Background::start(hosts.a.command("sh").args(["-c", later]));
    Diagnosis::of(&hosts.a, "").names(
        "unreachable",
        &[
            "192.0.2.2 reports that 10.2.0.5 is without a route there",
            "ip route add 10.2.0.5 via GATEWAY",
        ],
    );
    Diagnosis::of(&hosts.b, "").names(
        "no-route",
        &["no route to 10.2.0.5", "come by a tunnel", "ip route add 10.2.0.0/24 dev DEVICE"],
    );
}

/// The policy of the answers is looked up after the route.
#[test]
fn no_route_for_answers() {
    let hosts = Gateways::new();
    hosts.b.ip("route del 10.1.0.0/24");
    let _pings = pings(&hosts.a, "10.2.0.5");
    Diagnosis::of(&hosts.b, "").names(
        "no-route",
        &[
            "no route to 10.1.0.1",
            "looked up after the route",
            "(out 10.2.0.0/24 > 10.1.0.0/24 any)",
            "ip route add 10.1.0.0/24 via 192.0.2.1",
        ],
    );
}

/// So are those of a host's own packets, which are refused before any of them could be captured.
#[test]
fn no_route_to_the_network_of_the_peer() {
    let hosts = Gateways::new();
    hosts.a.ip("route del 10.2.0.0/24");
    let _pings = repeated(&hosts.a, "10.2.0.5");
    Diagnosis::of(&hosts.a, "").names(
        "no-route",
        &["no route to 10.2.0.0/24", "(out 10.1.0.0/24 ", "ip route add 10.2.0.0/24 via 192.0.2.2"],
    );
}

/// The host inside receives the packets and has no route back.
#[test]
fn a_host_inside_without_a_route_back() {
    let hosts = Gateways::new();
    hosts.behind.ip("route del default");
    let _pings = pings(&hosts.a, "10.2.0.5");
    Diagnosis::of(&hosts.b, "").names(
        "no-answer",
        &["10.2.0.5 does not answer", "at 10.2.0.5: ip route add 10.1.0.0/24 via 10.2.0.1"],
    );
    Diagnosis::of(&hosts.b, "192.0.2.9").is_silent();
}
