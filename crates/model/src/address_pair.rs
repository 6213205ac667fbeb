use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Error;

/// Source and destination of an SA or a tunnel: one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressPair {
    src: IpAddr,
    dst: IpAddr,
}

impl AddressPair {
    /// The addresses of no host.
    pub const UNSPECIFIED: AddressPair = {
        let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        AddressPair { src: none, dst: none }
    };

    /// The pair, if both are of one family.
    pub fn new(src: IpAddr, dst: IpAddr) -> Result<Self, Error> {
        if src.is_ipv4() == dst.is_ipv4() {
            Ok(Self { src, dst })
        } else {
            Err(Error::FamilyMismatch { src, dst })
        }
    }

    /// The pair of two IPv4 addresses.
    #[must_use]
    pub fn v4(src: Ipv4Addr, dst: Ipv4Addr) -> Self {
        Self { src: src.into(), dst: dst.into() }
    }

    /// The pair of two IPv6 addresses.
    #[must_use]
    pub fn v6(src: Ipv6Addr, dst: Ipv6Addr) -> Self {
        Self { src: src.into(), dst: dst.into() }
    }

    /// The source.
    #[must_use]
    pub fn src(self) -> IpAddr {
        self.src
    }

    /// The destination.
    #[must_use]
    pub fn dst(self) -> IpAddr {
        self.dst
    }
}
