//! The device that a packet comes out of once its SAs are undone: a vti device (`vti_rcv`, net/ipv4/ip_vti.c) or an xfrm
//! interface (`xfrmi_rcv_cb`, net/xfrm/xfrm_interface_core.c).

use std::{net::IpAddr, num::NonZeroU32};

use engine::{Device, DeviceXfrm, Routes};
use explain::{Arrival, Flow, decapsulate};
use model::{DeviceName, Proto, Sa, SaEntry};

/// Such a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Through {
    /// Its name.
    pub name: DeviceName,
    /// The key of packets that arrive at a vti device.
    pub vti_key: Option<u32>,
    /// The number of an xfrm interface.
    pub if_id: Option<NonZeroU32>,
    /// The protected packet, which a vti device checks itself.
    pub protected: Option<Flow>,
}

/// The device of this network namespace that a packet comes out of; none: there is none, or the kernel does not list them.
/// `ends`: the source and destination of a captured packet.
pub fn through(
    sas: &[SaEntry],
    arrivals: &[Arrival],
    mark: u32,
    ends: Option<(IpAddr, IpAddr)>,
) -> Option<Through> {
    let first = arrivals.first()?;
    let mut devices = Routes::open().and_then(|mut routes| routes.xfrm_devices()).ok()?;
    devices.retain(|device| !device.link.is_of_other_namespace);
    vti(&devices, sas, first, ends).or_else(|| interface(&devices, sas, arrivals, mark))
}

/// The vti device whose ends are those of the packet, or of its SA if it was not captured.
fn vti(
    devices: &[Device],
    sas: &[SaEntry],
    first: &Arrival,
    ends: Option<(IpAddr, IpAddr)>,
) -> Option<Through> {
    let is_named = |sa: &Sa| {
        sa.spi == first.spi
            && first.proto.is_none_or(|proto| proto == sa.proto)
            && first.dst.is_none_or(|dst| dst == sa.ends.dst())
    };
    let named = sas.iter().map(|entry| &entry.sa).filter(|sa| is_named(sa));
    let of_sas = named.map(|sa| (sa.ends.src(), sa.ends.dst(), Some(sa.proto)));
    let ends: Vec<_> =
        ends.map_or_else(|| of_sas.collect(), |(src, dst)| vec![(src, dst, first.proto)]);
    let pairs = ends.iter().flat_map(|ends| devices.iter().map(move |device| (ends, device)));
    let found = pairs.filter_map(|((src, dst, proto), device)| {
        let DeviceXfrm::Vti { in_key, local, remote, .. } = device.xfrm? else { return None };
        let exactness = exactness((local, remote), (*dst, *src))?;
        let (name, vti_key, if_id) = (device.name, Some(in_key), None);
        let protected = Flow::new(*src, *dst).ok().map(|mut flow| {
            flow.upper = proto.map(Proto::number);
            flow
        });
        Some((exactness, Through { name, vti_key, if_id, protected }))
    });
    found.max_by_key(|(exactness, _)| *exactness).map(|(_, through)| through)
}

/// How exactly the ends of a device are those of a packet; none: they are not (`ip_tunnel_lookup`).
fn exactness((local, remote): (IpAddr, IpAddr), (dst, src): (IpAddr, IpAddr)) -> Option<u8> {
    let is_of_this_version = local.is_ipv4() == dst.is_ipv4();
    match (local == dst, remote == src) {
        (true, true) => Some(3),
        (false, true) if local.is_unspecified() => Some(2),
        (true, false) if remote.is_unspecified() => Some(1),
        _ => (is_of_this_version && local.is_unspecified() && remote.is_unspecified()).then_some(0),
    }
}

/// The xfrm interface of the last SA.
fn interface(
    devices: &[Device],
    sas: &[SaEntry],
    arrivals: &[Arrival],
    mark: u32,
) -> Option<Through> {
    let received = decapsulate(sas, arrivals, mark, None);
    let number = received.path.last()?.sa.if_id;
    let of_number = |device: &Device, wanted| match device.xfrm {
        Some(DeviceXfrm::Interface { if_id, .. }) => if_id == wanted,
        _ => false,
    };
    let find = |wanted| devices.iter().find(|device| of_number(device, wanted));
    // One without a number takes what no other one does, also of SAs that have none.
    let device = number.and_then(|number| find(Some(number))).or_else(|| find(None))?;
    Some(Through { name: device.name, vti_key: None, if_id: number, protected: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_device_are_those_of_the_packet_or_any() {
        let [a, b, c, any] = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "0.0.0.0"]
            .map(|addr| addr.parse::<IpAddr>().unwrap());
        let packet = (a, b);
        let devices = [(a, b), (any, b), (a, any), (any, any), (a, c), (c, b), (any, c)];
        let found = devices.map(|device| exactness(device, packet));
        assert_eq!(found, [Some(3), Some(2), Some(1), Some(0), None, None, None]);
        let other = "2001:db8::1".parse().unwrap();
        assert_eq!(exactness((any, any), (other, other)), None);
    }
}
