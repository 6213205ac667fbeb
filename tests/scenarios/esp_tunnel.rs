//! Two gateways join the networks behind them by an ESP tunnel.
//!
//!     host-a ---- gateway-a ==== gateway-b ---- host-b

use scenarios::{Host, Wire, link, protocol::ESP};

use crate::story::Story;

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

/// Only a policy tells that a tunnel carries the other IP version: an SA that was there first is made fit for it.
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
    .tell();

    for packet in packets {
        assert_eq!((packet.version, &packet.protocols[..]), (outer.version, &[ESP][..]));
    }
}

/// The networks of one IP version: behind each gateway, and between them.
struct Addresses {
    version: u8,
    a: Network,
    b: Network,
    between: Network,
}

/// A network: what its addresses begin with, and how many bits that is.
struct Network(&'static str, u8);

const V4: Addresses = Addresses {
    version: 4,
    a: Network("10.1.0.", 24),
    b: Network("10.2.0.", 24),
    between: Network("192.0.2.", 24),
};

const V6: Addresses = Addresses {
    version: 6,
    a: Network("fd00:a::", 64),
    b: Network("fd00:b::", 64),
    between: Network("2001:db8::", 64),
};

impl Network {
    /// Address number `n` alone; number 0 is the network itself.
    fn bare(&self, n: u8) -> String {
        format!("{}{n}", self.0)
    }

    /// Address number `n` with the prefix length.
    fn with_length(&self, n: u8) -> String {
        format!("{}{n}/{}", self.0, self.1)
    }
}

/// The four of the picture.
struct Sites {
    host_a: Host,
    gateway_a: Host,
    gateway_b: Host,
    /// Answers the pings.
    _host_b: Host,
}

impl Sites {
    /// Joins them so that all can reach each other in the clear, by addresses of version `inner`. The gateways have
    /// addresses of both versions.
    fn new(inner: &Addresses) -> Self {
        let (host_a, gateway_a) = (Host::new("host-a"), Host::new("gateway-a"));
        let (host_b, gateway_b) = (Host::new("host-b"), Host::new("gateway-b"));
        link(&host_a, &inner.a.with_length(2), &gateway_a, &inner.a.with_length(1));
        link(&host_b, &inner.b.with_length(2), &gateway_b, &inner.b.with_length(1));
        link(&gateway_a, &V4.between.with_length(1), &gateway_b, &V4.between.with_length(2));

        let (a, b) = (inner.a.with_length(0), inner.b.with_length(0));
        host_a.ip(&format!("route add {b} via {}", inner.a.bare(1)));
        host_b.ip(&format!("route add {a} via {}", inner.b.bare(1)));
        gateway_a.ip(&format!(
            "addr add {} dev gateway-b
            route add {b} via {}",
            V6.between.with_length(1),
            inner.between.bare(2)
        ));
        gateway_b.ip(&format!(
            "addr add {} dev gateway-a
            route add {a} via {}",
            V6.between.with_length(2),
            inner.between.bare(1)
        ));
        gateway_a.forward();
        gateway_b.forward();
        Self { host_a, gateway_a, gateway_b, _host_b: host_b }
    }
}

/// The scripts of a tunnel between the gateways.
struct Tunnel {
    policies_a: String,
    policies_b: String,
    sas: String,
}

impl Tunnel {
    fn new(inner: &Addresses, outer: &Addresses) -> Self {
        let (a, b) = (inner.a.with_length(0), inner.b.with_length(0));
        let (from, to) = (outer.between.bare(1), outer.between.bare(2));
        let policies_a = format!(
            "
            spdadd {a} {b} any -P out ipsec esp/tunnel/{from}-{to}/require;
            spdadd {b} {a} any -P in ipsec esp/tunnel/{to}-{from}/require;
            "
        );
        let policies_b = format!(
            "
            spdadd {b} {a} any -P out ipsec esp/tunnel/{to}-{from}/require;
            spdadd {a} {b} any -P in ipsec esp/tunnel/{from}-{to}/require;
            "
        );
        let sas = format!(
            r#"
            add {from} {to} esp 0x1001 -m tunnel
                -E aes-cbc "aes-cbc from a-b" -A hmac-sha1 "hmac-sha1 from a - b";
            add {to} {from} esp 0x1002 -m tunnel
                -E aes-cbc "aes-cbc from b-a" -A hmac-sha1 "hmac-sha1 from b - a";
            "#
        );
        Self { policies_a, policies_b, sas }
    }
}
