use std::net::IpAddr;

use model::AddressPair;
use netlink_packet_xfrm::{AF_INET, AF_INET6, Address};

/// The address family that an `xfrm_address_t` does not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// AF_INET.
    V4,
    /// AF_INET6.
    V6,
}

impl Family {
    pub(crate) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// The `AF_*` number.
    pub(crate) fn number(self) -> u16 {
        match self {
            Family::V4 => AF_INET,
            Family::V6 => AF_INET6,
        }
    }

    /// The family of an `AF_*` number; none for AF_UNSPEC.
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        [Family::V4, Family::V6].into_iter().find(|family| family.number() == number)
    }

    /// What two addresses of an unspecified family look like: IPv4 fills the first four bytes.
    pub(crate) fn guess(one: &Address, other: &Address) -> Self {
        let short = |address: &Address| address.addr[4..].iter().all(|&byte| byte == 0);
        if short(one) && short(other) { Family::V4 } else { Family::V6 }
    }

    pub(crate) fn address(self, address: &Address) -> IpAddr {
        match self {
            Family::V4 => address.to_ipv4().into(),
            Family::V6 => address.to_ipv6().into(),
        }
    }

    pub(crate) fn pair(self, src: &Address, dst: &Address) -> AddressPair {
        AddressPair::new(self.address(src), self.address(dst)).expect("both are of one family")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_family_shows_in_the_bytes() {
        let v4 = Address::from_ip(&IpAddr::from([192, 0, 2, 1]));
        let v6 = Address::from_ip(&"2001:db8::1".parse().unwrap());
        assert_eq!(Family::guess(&v4, &Address::default()), Family::V4);
        assert_eq!(Family::guess(&v6, &Address::default()), Family::V6);
        assert_eq!(Family::from_number(0), None);
    }
}
