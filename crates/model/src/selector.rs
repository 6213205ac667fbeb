use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{DeviceName, Error, IpVersion, Upper};

/// An address with a prefix length. Host bits are kept as given: the kernel stores and compares
/// them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    addr: IpAddr,
    len: u8,
}

impl Prefix {
    /// The prefix of `addr` with `len` bits; the whole address without one.
    ///
    /// A length over the address's is refused as AF_KEY does (`verify_address_len`: EINVAL).
    pub fn new(addr: IpAddr, len: Option<u32>) -> Result<Self, Error> {
        let bits = Self::full_len(addr);
        let wrong = |given| Error::PrefixTooLong { given, most: bits };
        let len = match len {
            None => bits,
            Some(given) => {
                u8::try_from(given).ok().filter(|&len| len <= bits).ok_or_else(|| wrong(given))?
            }
        };
        Ok(Self { addr, len })
    }

    /// The prefix of exactly this address.
    #[must_use]
    pub fn host(addr: IpAddr) -> Self {
        Self { addr, len: Self::full_len(addr) }
    }

    /// The prefix of every address.
    #[must_use]
    pub fn everything(version: IpVersion) -> Self {
        let addr = match version {
            IpVersion::V4 => Ipv4Addr::UNSPECIFIED.into(),
            IpVersion::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        Self { addr, len: 0 }
    }

    fn full_len(addr: IpAddr) -> u8 {
        if addr.is_ipv4() { 32 } else { 128 }
    }

    /// The address, host bits included.
    #[must_use]
    pub fn addr(self) -> IpAddr {
        self.addr
    }

    /// The length in bits.
    #[must_use]
    pub fn length(self) -> u8 {
        self.len
    }

    /// Whether an address has these leading bits; host bits are not compared.
    #[must_use]
    pub fn contains(self, addr: IpAddr) -> bool {
        match (self.addr, addr) {
            (IpAddr::V4(own), IpAddr::V4(addr)) => {
                let differing = own.to_bits() ^ addr.to_bits();
                u32::from(self.len) <= differing.leading_zeros()
            }
            (IpAddr::V6(own), IpAddr::V6(addr)) => {
                let differing = own.to_bits() ^ addr.to_bits();
                u32::from(self.len) <= differing.leading_zeros()
            }
            _ => false,
        }
    }

    /// The lowest and the highest address with these leading bits.
    #[must_use]
    pub fn range(self) -> (IpAddr, IpAddr) {
        match self.addr {
            IpAddr::V4(addr) => {
                let host = u32::MAX.checked_shr(self.len.into()).unwrap_or(0);
                let low = addr.to_bits() & !host;
                (Ipv4Addr::from_bits(low).into(), Ipv4Addr::from_bits(low | host).into())
            }
            IpAddr::V6(addr) => {
                let host = u128::MAX.checked_shr(self.len.into()).unwrap_or(0);
                let low = addr.to_bits() & !host;
                (Ipv6Addr::from_bits(low).into(), Ipv6Addr::from_bits(low | host).into())
            }
        }
    }

    /// Whether it is the whole address.
    #[must_use]
    pub fn is_host(self) -> bool {
        self.len == Self::full_len(self.addr)
    }
}

/// The bits of the ports that a selector looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortMasks {
    /// Of the source port, host order.
    pub src: u16,
    /// Of the destination port, host order.
    pub dst: u16,
}

impl PortMasks {
    /// The masks of a selector that is given none: a port of 0 is any, every other one exact.
    #[must_use]
    pub fn of_ports(src_port: u16, dst_port: u16) -> Self {
        let mask = |port: u16| if port == 0 { 0 } else { u16::MAX };
        Self { src: mask(src_port), dst: mask(dst_port) }
    }
}

/// What a policy looks at in a packet.
///
/// The ports are numbers in host order, 0 meaning any. For ICMP, ICMPv6 and MH they hold type
/// (source) and code (destination), for GRE the key's upper and lower half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Selector {
    src: Prefix,
    dst: Prefix,
    /// Upper-layer protocol.
    pub upper: Upper,
    /// Source port, or what stands in for it.
    pub src_port: u16,
    /// Destination port, or what stands in for it.
    pub dst_port: u16,
    /// The masks of both ports, where they are not those of [`PortMasks::of_ports`].
    pub port_masks: Option<PortMasks>,
    /// The device that packets arrive at or leave by; none: any.
    pub device: Option<DeviceName>,
    /// `xfrm_selector.user`: part of the name of a policy. The kernel compares it with no packet. 0
    /// in what scripts and PF_KEY make; of a policy of a socket see `xfrm::SocketEntry`.
    pub user: u32,
}

impl Selector {
    /// Whatever passes between addresses of this prefix.
    #[must_use]
    pub fn within(prefix: Prefix) -> Self {
        Self::between(prefix, prefix)
    }

    /// The IP version of the packets.
    #[must_use]
    pub fn version(&self) -> IpVersion {
        IpVersion::of(self.src.addr())
    }

    /// A selector on every protocol and port between two prefixes of one family.
    pub fn new(src: Prefix, dst: Prefix) -> Result<Self, Error> {
        if src.addr.is_ipv4() != dst.addr.is_ipv4() {
            return Err(Error::FamilyMismatch { src: src.addr, dst: dst.addr });
        }
        Ok(Self::between(src, dst))
    }

    fn between(src: Prefix, dst: Prefix) -> Self {
        let (upper, port_masks, device) = (Upper::Any, None, None);
        Self { src, dst, upper, src_port: 0, dst_port: 0, port_masks, device, user: 0 }
    }

    /// The masks of both ports.
    #[must_use]
    pub fn port_masks(&self) -> PortMasks {
        self.port_masks.unwrap_or(PortMasks::of_ports(self.src_port, self.dst_port))
    }

    /// The source prefix.
    #[must_use]
    pub fn src(&self) -> Prefix {
        self.src
    }

    /// The destination prefix.
    #[must_use]
    pub fn dst(&self) -> Prefix {
        self.dst
    }

    /// Whether there are packets that both match.
    #[must_use]
    pub fn overlaps(&self, other: &Selector) -> bool {
        let prefixes =
            |one: Prefix, other: Prefix| one.contains(other.addr) || other.contains(one.addr);
        let (masks, others) = (self.port_masks(), other.port_masks());
        let ports = |one: u16, other: u16, mask: u16| (one ^ other) & mask == 0;
        prefixes(self.src, other.src)
            && prefixes(self.dst, other.dst)
            && (self.upper == other.upper || self.upper == Upper::Any || other.upper == Upper::Any)
            && ports(self.src_port, other.src_port, masks.src & others.src)
            && ports(self.dst_port, other.dst_port, masks.dst & others.dst)
            && (self.device == other.device || self.device.is_none() || other.device.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_length_is_that_of_the_family() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(Prefix::new(v4, Some(32)).unwrap().is_host());
        assert_eq!(Prefix::new(v4, None).unwrap(), Prefix::host(v4));
        let error = Prefix::new(v4, Some(33)).unwrap_err();
        assert_eq!(error, Error::PrefixTooLong { given: 33, most: 32 });
        // The original cut 256 to 0, which matched everything.
        assert!(Prefix::new(v4, Some(256)).is_err());
    }

    #[test]
    fn a_prefix_contains_the_addresses_of_its_range() {
        for (text, len, low, high) in [
            ("192.0.2.9", 29, "192.0.2.8", "192.0.2.15"),
            ("192.0.2.9", 32, "192.0.2.9", "192.0.2.9"),
            ("192.0.2.9", 0, "0.0.0.0", "255.255.255.255"),
            ("2001:db8::5", 127, "2001:db8::4", "2001:db8::5"),
            ("2001:db8::5", 0, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            let prefix = Prefix::new(text.parse().unwrap(), Some(len)).unwrap();
            let range: (IpAddr, IpAddr) = (low.parse().unwrap(), high.parse().unwrap());
            assert_eq!(prefix.range(), range);
            assert!(prefix.contains(range.0) && prefix.contains(range.1));
        }
        let prefix = Prefix::new([192, 0, 2, 8].into(), Some(29)).unwrap();
        assert!(
            !prefix.contains([192, 0, 2, 16].into()) && !prefix.contains([192, 0, 2, 7].into())
        );
        let v6 = Prefix::everything(IpVersion::V6);
        assert!(!v6.contains([192, 0, 2, 8].into()));
    }

    #[test]
    fn selectors_overlap_if_a_packet_matches_both() {
        let prefix = |text: &str, len| Prefix::new(text.parse().unwrap(), Some(len)).unwrap();
        let [wide, narrow, other] = [("10.0.0.0", 8), ("10.1.2.3", 16), ("11.0.0.0", 8)]
            .map(|(text, len)| Selector::within(prefix(text, len)));
        assert!(wide.overlaps(&narrow) && narrow.overlaps(&wide));
        assert!(!wide.overlaps(&other) && !other.overlaps(&narrow));
        let web = Selector { upper: Upper::TCP, dst_port: 80, ..wide };
        let mail = Selector { dst_port: 25, ..web };
        let low =
            Selector { dst_port: 0, port_masks: Some(PortMasks { src: 0, dst: 0xff00 }), ..web };
        assert!(web.overlaps(&wide) && !web.overlaps(&mail) && low.overlaps(&web));
        assert!(!web.overlaps(&Selector { upper: Upper::UDP, ..wide }));
        let of = |name: &str| Some(name.parse::<DeviceName>().unwrap());
        let [eth, wan] = [of("eth0"), of("wan")].map(|device| Selector { device, ..wide });
        assert!(eth.overlaps(&wide) && !eth.overlaps(&wan));
        assert!(!wide.overlaps(&Selector::within(prefix("2001:db8::", 32))));
    }

    #[test]
    fn both_ends_are_of_one_family() {
        let v4 = Prefix::host("192.0.2.1".parse().unwrap());
        let v6 = Prefix::host("2001:db8::1".parse().unwrap());
        assert!(Selector::new(v4, v6).is_err());
        assert!(Selector::new(v6, v6).is_ok());
    }
}
