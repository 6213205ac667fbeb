//! Two gateways with a host behind each.
//!
//!     host-a ---- gateway-a ==== gateway-b ---- host-b

use scenarios::{Host, link};

/// The networks of one IP version: behind each gateway, and between them.
pub struct Addresses {
    /// 4 or 6.
    pub version: u8,
    /// Behind gateway a.
    pub a: Network,
    /// Behind gateway b.
    pub b: Network,
    /// Between the gateways.
    pub between: Network,
}

/// A network: what its addresses begin with, and how many bits that is.
pub struct Network(&'static str, u8);

/// What documents and private networks use.
pub const V4: Addresses = Addresses {
    version: 4,
    a: Network("10.1.0.", 24),
    b: Network("10.2.0.", 24),
    between: Network("192.0.2.", 24),
};

/// The same of IPv6.
pub const V6: Addresses = Addresses {
    version: 6,
    a: Network("fd00:a::", 64),
    b: Network("fd00:b::", 64),
    between: Network("2001:db8::", 64),
};

impl Network {
    /// Address number `n` alone; number 0 is the network itself.
    pub fn bare(&self, n: u8) -> String {
        format!("{}{n}", self.0)
    }

    /// Address number `n` with the prefix length.
    pub fn with_length(&self, n: u8) -> String {
        format!("{}{n}/{}", self.0, self.1)
    }
}

/// The four of the picture.
pub struct Sites {
    /// Pings.
    pub host_a: Host,
    /// Its gateway.
    pub gateway_a: Host,
    /// The gateway of host-b.
    pub gateway_b: Host,
    /// Answers the pings.
    _host_b: Host,
}

impl Sites {
    /// Joins them so that all can reach each other in the clear, by addresses of version `inner`. The gateways have
    /// addresses of both versions.
    pub fn new(inner: &Addresses) -> Self {
        Self::with_dialect(inner, "linux")
    }

    /// The same, with gateways whose setkey is that of another system.
    pub fn with_dialect(inner: &Addresses, dialect: &'static str) -> Self {
        let gateway = |label| Host::new(label).with_dialect(dialect);
        let (host_a, gateway_a) = (Host::new("host-a"), gateway("gateway-a"));
        let (host_b, gateway_b) = (Host::new("host-b"), gateway("gateway-b"));
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
        // Neighbours find each other on three links, which may take longer than one ping waits.
        let arrived = (0..10).any(|_| host_a.ping(&inner.b.bare(2)));
        assert!(arrived, "no way from host-a to host-b");
        Self { host_a, gateway_a, gateway_b, _host_b: host_b }
    }
}
