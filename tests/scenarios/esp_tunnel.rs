//! Two gateways join the networks behind them by an ESP tunnel.
//!
//!     host-a ---- gateway-a ==== gateway-b ---- host-b

use scenarios::{Wire, protocol::ESP};

use crate::{
    sites::{Addresses, Sites, V4, V6},
    story::Story,
    tunnel::Tunnel,
};

#[test]
fn v4_in_v4() {
    protects(&V4, &V4);
}

#[test]
fn v6_in_v6() {
    protects(&V6, &V6);
}

#[test]
fn v4_in_v6() {
    protects(&V4, &V6);
}

#[test]
fn v6_in_v4() {
    protects(&V6, &V4);
}

/// A gateway passes on what its fwd policies allow, which setkey makes from the in policies.
#[test]
fn fwd_policies_let_it_through() {
    let sites = Sites::new(&V4);
    let tunnel = Tunnel::new(&V4, &V4);
    sites.gateway_a.load(&(tunnel.policies_a + &tunnel.sas));
    sites.gateway_b.load(&(tunnel.policies_b + &tunnel.sas));
    assert!(sites.host_a.ping("10.2.0.2"), "the tunnel works");

    sites.gateway_b.load("spddelete 10.1.0.0/24 10.2.0.0/24 any -P fwd;");
    assert!(!sites.host_a.ping("10.2.0.2"), "it works without the fwd policy");
    assert!(sites.gateway_b.setkey("-DP").stdout.contains("\tin prio def ipsec\n"));
}

/// Only a policy specifies that a tunnel carries the other IP version: an SA that was there first is adapted to it.
#[test]
fn sas_before_policies() {
    let sites = Sites::new(&V4);
    let tunnel = Tunnel::new(&V4, &V6);
    sites.gateway_a.load(&(tunnel.sas.clone() + &tunnel.policies_a));
    sites.gateway_b.load(&(tunnel.sas + &tunnel.policies_b));
    assert!(sites.host_a.ping("10.2.0.2"), "the tunnel does not take the other IP version");
}

fn protects(inner: &Addresses, outer: &Addresses) {
    let sites = Sites::new(inner);
    let tunnel = Tunnel::new(inner, outer);
    let packets = Story {
        ends: [(&sites.gateway_a, &tunnel.policies_a), (&sites.gateway_b, &tunnel.policies_b)],
        sas: &tunnel.sas,
        ping: (&sites.host_a, &inner.b.bare(2)),
        wire: &Wire::tap(&sites.gateway_a, "gateway-b"),
    }
    .print();

    for packet in packets {
        assert_eq!((packet.version, &packet.protocols[..]), (outer.version, &[ESP][..]));
    }
}
