use std::{fmt, net::IpAddr};

/// The least MTU of a link for IPv6, bytes (RFC 8200, section 5; `IPV6_MIN_MTU`, linux/ipv6.h).
pub const LEAST_MTU_OF_IPV6: u16 = 1280;

/// The version of the Internet Protocol: the address family of a selector, a tunnel, an SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// Both.
    pub const ALL: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];

    /// The version of an address.
    #[must_use]
    pub fn of(addr: IpAddr) -> Self {
        if addr.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 }
    }
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IpVersion::V4 => "IPv4",
            IpVersion::V6 => "IPv6",
        })
    }
}
