//! What a message about a link (`RTM_NEWLINK`) has of it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
};

use model::DeviceName;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVti, InfoXfrm, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
    LinkXdp, XdpAttached,
};

use super::{DeviceLink, DeviceXfrm};

/// The most bytes of a packet; 0: it has none.
pub(super) fn mtu(link: &LinkMessage) -> u32 {
    let mtu = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Mtu(bytes) => Some(*bytes),
        _ => None,
    });
    mtu.unwrap_or(0)
}

/// What kind of device it is.
pub(super) fn kind(link: &LinkMessage) -> Option<InfoKind> {
    infos(link).iter().find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind.clone()),
        _ => None,
    })
}

/// Whether it is a tunnel between these ends, each of which may be any: they are its hardware addresses.
pub(super) fn is_between(link: &LinkMessage, local: IpAddr, remote: IpAddr) -> bool {
    let is = |own: &[u8], addr: IpAddr| {
        own.iter().all(|byte| *byte == 0)
            || match addr {
                IpAddr::V4(addr) => own == addr.octets(),
                IpAddr::V6(addr) => own == addr.octets(),
            }
    };
    link.attributes.iter().all(|attribute| match attribute {
        LinkAttribute::Address(own) => is(own, local),
        LinkAttribute::Broadcast(own) => is(own, remote),
        _ => true,
    })
}

/// What is below it.
pub(super) fn below(link: &LinkMessage) -> DeviceLink {
    DeviceLink {
        has_carrier: link.header.flags.contains(LinkFlags::LowerUp),
        is_of_other_namespace: is_of_other_namespace(link),
        has_xdp: has_xdp(link),
    }
}

/// The index of the device that it belongs to.
pub(super) fn master(link: &LinkMessage) -> Option<u32> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Controller(index) if *index != 0 => Some(*index),
        _ => None,
    })
}

/// Whether its other end is in another network namespace (`IFLA_LINK_NETNSID`).
fn is_of_other_namespace(link: &LinkMessage) -> bool {
    link.attributes.iter().any(|attribute| matches!(attribute, LinkAttribute::LinkNetNsId(_)))
}

/// Whether it has an XDP program.
fn has_xdp(link: &LinkMessage) -> bool {
    let is_attached = |xdp: &LinkXdp| matches!(xdp, LinkXdp::Attached(attached) if *attached != XdpAttached::None);
    link.attributes.iter().any(|attribute| match attribute {
        LinkAttribute::Xdp(parts) => parts.iter().any(is_attached),
        _ => false,
    })
}

/// What it looks policies up with; `name` gives the name of a device by its index.
pub(super) fn xfrm(
    link: &LinkMessage,
    name: impl Fn(u32) -> Option<DeviceName>,
) -> Option<DeviceXfrm> {
    let data = infos(link).iter().find_map(|info| match info {
        LinkInfo::Data(data) => Some(data),
        _ => None,
    });
    match data? {
        InfoData::Vti(values) => Some(vti(values, kind(link) == Some(InfoKind::Vti6))),
        InfoData::Xfrm(values) => Some(interface(values, name)),
        _ => None,
    }
}

fn vti(values: &[InfoVti], is_v6: bool) -> DeviceXfrm {
    let nowhere = if is_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let (mut out_key, mut in_key, mut local, mut remote) = (0, 0, nowhere, nowhere);
    for value in values {
        match value {
            InfoVti::OKey(own) => out_key = *own,
            InfoVti::IKey(own) => in_key = *own,
            InfoVti::Local(addr) => local = *addr,
            InfoVti::Remote(addr) => remote = *addr,
            _ => {}
        }
    }
    DeviceXfrm::Vti { out_key, in_key, local, remote }
}

fn interface(values: &[InfoXfrm], name: impl Fn(u32) -> Option<DeviceName>) -> DeviceXfrm {
    let (mut if_id, mut link) = (None, None);
    for value in values {
        match value {
            InfoXfrm::IfId(own) => if_id = NonZeroU32::new(*own),
            InfoXfrm::Link(index) => link = name(*index),
            _ => {}
        }
    }
    DeviceXfrm::Interface { if_id, link }
}

fn infos(link: &LinkMessage) -> &[LinkInfo] {
    let infos = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos.as_slice()),
        _ => None,
    });
    infos.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_namespaces_are_seen() {
        let of = |attribute| {
            let mut link = LinkMessage::default();
            link.attributes.push(attribute);
            (has_xdp(&link), is_of_other_namespace(&link))
        };
        let attached = |how| LinkAttribute::Xdp(vec![LinkXdp::Attached(how)]);
        assert_eq!(of(attached(XdpAttached::None)), (false, false));
        assert_eq!(of(attached(XdpAttached::Driver)), (true, false));
        assert_eq!(of(LinkAttribute::LinkNetNsId(0)), (false, true));
        assert_eq!(of(LinkAttribute::Mtu(1500)), (false, false));
    }
}
