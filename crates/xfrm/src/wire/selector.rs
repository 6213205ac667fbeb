//! `xfrm_selector`: a port of 0 is any, with mask 0; every other port is exact, with mask 0xffff.

use model::{IpVersion, Prefix, Selector, Upper};
use netlink_packet_core::DecodeError;
use netlink_packet_xfrm::{self as xfrm, Address};

use super::AddressFamily;

pub(super) fn write(selector: &Selector) -> xfrm::Selector {
    let mask = |port: u16| if port == 0 { 0 } else { u16::MAX };
    let (src, dst) = (selector.src(), selector.dst());
    xfrm::Selector {
        saddr: Address::from_ip(&src.addr()),
        daddr: Address::from_ip(&dst.addr()),
        sport: selector.src_port,
        sport_mask: mask(selector.src_port),
        dport: selector.dst_port,
        dport_mask: mask(selector.dst_port),
        family: IpVersion::of(src.addr()).family(),
        prefixlen_s: src.length(),
        prefixlen_d: dst.length(),
        proto: selector.upper.xfrm(),
        ..xfrm::Selector::default()
    }
}

/// Reads a selector; `or` is its family if it does not say (AF_UNSPEC).
pub(super) fn read(wire: &xfrm::Selector, or: Option<IpVersion>) -> Result<Selector, DecodeError> {
    let family = IpVersion::from_family(wire.family)
        .or(or)
        .unwrap_or_else(|| IpVersion::guess(&wire.saddr, &wire.daddr));
    let prefix = |address, length: u8| Prefix::new(family.address(address), Some(length.into()));
    let both = prefix(&wire.saddr, wire.prefixlen_s)
        .and_then(|src| Selector::new(src, prefix(&wire.daddr, wire.prefixlen_d)?));
    let mut selector = both.map_err(|error| DecodeError::from(format!("selector: {error}")))?;
    selector.upper = Upper::from_xfrm(wire.proto);
    selector.src_port = wire.sport;
    selector.dst_port = wire.dport;
    Ok(selector)
}
