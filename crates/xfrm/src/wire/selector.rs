//! `xfrm_selector`.

use model::{IpVersion, PortMasks, Prefix, Selector, Upper};
use netlink_packet_core::DecodeError;
use netlink_packet_xfrm::{self as xfrm, Address};

use super::AddressFamily;
use crate::{KernelRefusal, device::Devices};

/// Refused with ENODEV if there is no device of this name.
pub(super) fn write(
    selector: &Selector,
    devices: &Devices,
) -> Result<xfrm::Selector, KernelRefusal> {
    let ifindex = selector.device.map_or(Ok(0), |device| devices.index(device))?;
    Ok(xfrm::Selector { ifindex, ..of_any_device(selector) })
}

/// The selector without its device.
pub(super) fn of_any_device(selector: &Selector) -> xfrm::Selector {
    let (src, dst, masks) = (selector.src(), selector.dst(), selector.port_masks());
    xfrm::Selector {
        saddr: Address::from_ip(&src.addr()),
        daddr: Address::from_ip(&dst.addr()),
        sport: selector.src_port,
        sport_mask: masks.src,
        dport: selector.dst_port,
        dport_mask: masks.dst,
        family: IpVersion::of(src.addr()).family(),
        prefixlen_s: src.length(),
        prefixlen_d: dst.length(),
        proto: selector.upper.xfrm(),
        ifindex: 0,
        user: selector.user,
    }
}

/// Reads a selector; `or` is its family if it does not say (AF_UNSPEC).
pub(super) fn read(
    wire: &xfrm::Selector,
    or: Option<IpVersion>,
    devices: &Devices,
) -> Result<Selector, DecodeError> {
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
    let masks = PortMasks { src: wire.sport_mask, dst: wire.dport_mask };
    selector.port_masks = (masks != selector.port_masks()).then_some(masks);
    selector.device = (wire.ifindex != 0).then(|| devices.name(wire.ifindex));
    selector.user = wire.user;
    Ok(selector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::testing::devices, wire::testing::hex};

    fn read_back(wire: &xfrm::Selector) -> Selector {
        let selector = read(wire, None, &devices()).unwrap();
        assert_eq!(write(&selector, &devices()), Ok(*wire));
        selector
    }

    #[test]
    fn device_and_ports_are_those_of_ip_xfrm() {
        // ip xfrm policy add src 192.0.2.1/32 dst 192.0.2.0/24 proto udp sport 500 dport 4500 \
        //     dev lo dir out
        let captured = hex("
            c0000200 00000000 00000000 00000000 c0000201 00000000 00000000 00000000
            1194ffff 01f4ffff 02001820 11000000 01000000 00000000");
        let selector = read_back(&xfrm::Selector::parse(&captured).unwrap());
        assert_eq!(selector.device, Some("lo".parse().unwrap()));
        assert_eq!((selector.src_port, selector.dst_port, selector.port_masks), (500, 4500, None));
    }

    #[test]
    fn each_field_of_the_kernel_leads_back() {
        let any = xfrm::Selector { family: 2, ..xfrm::Selector::default() };
        let masks = read_back(&xfrm::Selector { sport: 80, sport_mask: 0xfff0, ..any });
        assert_eq!(masks.port_masks, Some(PortMasks { src: 0xfff0, dst: 0 }));
        let zero = read_back(&xfrm::Selector { dport_mask: u16::MAX, ..any });
        assert_eq!(zero.port_masks, Some(PortMasks { src: 0, dst: u16::MAX }));
        assert_eq!(read_back(&xfrm::Selector { user: 1000, ..any }).user, 1000);
        for ifindex in [i32::MIN, -1, 1, 0x7ff0_0000] {
            read_back(&xfrm::Selector { ifindex, ..any });
        }
        assert_eq!(read_back(&any).device, None);
    }

    #[test]
    fn a_device_that_is_not_there_is_refused() {
        let mut selector = Selector::within(Prefix::everything(IpVersion::V4));
        selector.device = Some("eth-none".parse().unwrap());
        assert_eq!(write(&selector, &devices()).unwrap_err().errno, rustix::io::Errno::NODEV);
    }
}
