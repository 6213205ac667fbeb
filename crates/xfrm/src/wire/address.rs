use std::net::IpAddr;

use model::{AddressPair, IpVersion};
use netlink_packet_xfrm::{AF_INET, AF_INET6, Address};

/// The IP version as the kernel's structures have it: an `xfrm_address_t` does not contain it.
pub(crate) trait AddressFamily: Sized {
    /// The `AF_*` number.
    fn family(self) -> u16;
    /// The version of an `AF_*` number; none for AF_UNSPEC.
    fn from_family(number: u16) -> Option<Self>;
    /// The version that two addresses of AF_UNSPEC look like: IPv4 fills the first four bytes.
    fn guess(one: &Address, other: &Address) -> Self;
    /// An address of this version.
    fn address(self, address: &Address) -> IpAddr;
    /// Two addresses of this version.
    fn pair(self, src: &Address, dst: &Address) -> AddressPair;
}

impl AddressFamily for IpVersion {
    fn family(self) -> u16 {
        match self {
            IpVersion::V4 => AF_INET,
            IpVersion::V6 => AF_INET6,
        }
    }

    fn from_family(number: u16) -> Option<Self> {
        IpVersion::ALL.into_iter().find(|version| version.family() == number)
    }

    fn guess(one: &Address, other: &Address) -> Self {
        let short = |address: &Address| address.addr[4..].iter().all(|&byte| byte == 0);
        if short(one) && short(other) { IpVersion::V4 } else { IpVersion::V6 }
    }

    fn address(self, address: &Address) -> IpAddr {
        match self {
            IpVersion::V4 => address.to_ipv4().into(),
            IpVersion::V6 => address.to_ipv6().into(),
        }
    }

    fn pair(self, src: &Address, dst: &Address) -> AddressPair {
        match self {
            IpVersion::V4 => AddressPair::v4(src.to_ipv4(), dst.to_ipv4()),
            IpVersion::V6 => AddressPair::v6(src.to_ipv6(), dst.to_ipv6()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_family_shows_in_the_bytes() {
        let v4 = Address::from_ip(&IpAddr::from([192, 0, 2, 1]));
        let v6 = Address::from_ip(&"2001:db8::1".parse().unwrap());
        assert_eq!(IpVersion::guess(&v4, &Address::default()), IpVersion::V4);
        assert_eq!(IpVersion::guess(&v6, &Address::default()), IpVersion::V6);
        assert_eq!(IpVersion::from_family(0), None);
    }
}
