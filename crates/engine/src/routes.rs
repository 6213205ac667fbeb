//! The kernel's look-up of a route (`RTM_GETROUTE`), and what devices have that decides on IPsec. Any user may
//! ask.

mod beside;
mod device;
mod link;
mod route;

use std::{net::IpAddr, num::NonZeroU32};

use model::{DeviceName, IpVersion, Upper};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
    route::{
        RouteAttribute, RouteFlags, RouteLwTunnelEncap, RouteMessage, RouteMetric, RouteType,
        RouteXfrmTunnel,
    },
};
use rustix::{
    io::Errno,
    net::netdevice::{index_to_name, name_to_index},
};

use crate::rtnetlink::Conversation;
use beside::family;
pub use device::{Device, DeviceLink, DeviceXfrm};
pub use route::{Route, RouteEncap, RouteQuery};

/// A conversation with the routing table of this thread's network namespace.
pub struct Routes(Conversation);

impl Routes {
    /// Errors: those of socket(2).
    pub fn open() -> Result<Self, Errno> {
        Ok(Self(Conversation::open()?))
    }

    /// Looks up the route of a packet.
    ///
    /// Errors: ENETUNREACH (no route, or a source of IPv4 that is not this host's), EHOSTUNREACH (an `unreachable` route, or
    /// the device forwards nothing), EACCES (a `prohibit` route), EINVAL (a `blackhole` route, a source that may not
    /// arrive), EXDEV (`rp_filter`; EINVAL in Linux 7.2); ENODEV; ETIMEDOUT.
    pub fn find(&mut self, query: &RouteQuery) -> Result<Route, Errno> {
        let question = self.question(query)?;
        let RouteNetlinkMessage::NewRoute(answer) =
            self.0.ask(RouteNetlinkMessage::GetRoute(question))?
        else {
            return Err(Errno::BADMSG);
        };
        let (mut src, mut gateway, mut index, mut mtu) = (query.src, None, None, None);
        let mut encap = None;
        for attribute in &answer.attributes {
            match attribute {
                RouteAttribute::PrefSource(address) => src = src.or(ip(address)),
                RouteAttribute::Gateway(address) => gateway = ip(address),
                RouteAttribute::Oif(number) => index = Some(*number),
                RouteAttribute::Metrics(metrics) => {
                    let own = metrics.iter().find_map(|metric| match metric {
                        RouteMetric::Mtu(bytes) if *bytes != 0 => Some(*bytes),
                        _ => None,
                    });
                    mtu = mtu.or(own);
                }
                RouteAttribute::Encap(parts) => encap = self.encap(parts),
                _ => {}
            }
        }
        match answer.header.kind {
            RouteType::Unreachable => return Err(Errno::HOSTUNREACH),
            RouteType::Prohibit => return Err(Errno::ACCESS),
            RouteType::BlackHole => return Err(Errno::INVAL),
            _ => {}
        }
        let device = self.device(index.ok_or(Errno::NODEV)?)?;
        let is_local = match answer.header.kind {
            RouteType::Local => true,
            RouteType::Broadcast | RouteType::Multicast | RouteType::Anycast => {
                query.arrives_by.is_some()
            }
            _ => false,
        };
        Ok(Route { src, gateway, device, mtu: mtu.unwrap_or(device.mtu), is_local, encap })
    }

    fn encap(&self, parts: &[RouteLwTunnelEncap]) -> Option<RouteEncap> {
        let (mut if_id, mut link) = (None, None);
        for part in parts {
            match part {
                RouteLwTunnelEncap::Xfrm(RouteXfrmTunnel::IfId(own)) => {
                    if_id = NonZeroU32::new(*own);
                }
                RouteLwTunnelEncap::Xfrm(RouteXfrmTunnel::Link(index)) => {
                    link = self.name(*index).ok();
                }
                _ => {}
            }
        }
        Some(RouteEncap { if_id: if_id?, link })
    }

    /// The device that has an address of this host, also in the routing table of a VRF.
    ///
    /// Errors: as [`Routes::find`]; EADDRNOTAVAIL.
    pub fn owner(&mut self, addr: IpAddr) -> Result<Device, Errno> {
        let error = match self.owner_in(addr, None) {
            Ok(device) => return Ok(device),
            Err(error) => error,
        };
        for vrf in self.links(&InfoKind::Vrf)? {
            let name = self.name(vrf.header.index)?;
            if let Ok(device) = self.owner_in(addr, Some(name)) {
                return Ok(device);
            }
        }
        Err(error)
    }

    fn owner_in(&mut self, addr: IpAddr, vrf: Option<DeviceName>) -> Result<Device, Errno> {
        let mut question = self.question(&RouteQuery { leaves_by: vrf, ..RouteQuery::to(addr) })?;
        // The route as it is in the table: that of a packet has the loopback device.
        question.header.flags |= RouteFlags::FibMatch;
        let RouteNetlinkMessage::NewRoute(answer) =
            self.0.ask(RouteNetlinkMessage::GetRoute(question))?
        else {
            return Err(Errno::BADMSG);
        };
        let index = answer.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(*index),
            _ => None,
        });
        match answer.header.kind {
            RouteType::Local | RouteType::Anycast => self.device(index.ok_or(Errno::NODEV)?),
            _ => Err(Errno::ADDRNOTAVAIL),
        }
    }

    /// Reads what a device has.
    ///
    /// Errors: ENODEV; ETIMEDOUT.
    pub fn device_of_name(&mut self, name: DeviceName) -> Result<Device, Errno> {
        let index = name_to_index(self.0.socket(), name.as_str())?;
        self.device(index)
    }

    /// The devices that are up.
    ///
    /// Errors: as [`Routes::device_of_name`].
    pub fn devices(&mut self) -> Result<Vec<Device>, Errno> {
        let answers = self.0.list(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
        let mut devices = Vec::new();
        for answer in &answers {
            if let RouteNetlinkMessage::NewLink(link) = answer
                && link.header.flags.contains(LinkFlags::Up)
            {
                devices.extend(self.if_there(link)?);
            }
        }
        Ok(devices)
    }

    /// The devices that look policies up themselves, and are up.
    ///
    /// Errors: as [`Routes::device_of_name`].
    pub fn xfrm_devices(&mut self) -> Result<Vec<Device>, Errno> {
        let mut devices = Vec::new();
        for kind in [InfoKind::Xfrm, InfoKind::Vti, InfoKind::Vti6] {
            for link in self.links(&kind)? {
                devices.extend(self.if_there(&link)?);
            }
        }
        devices.retain(|device| device.xfrm.is_some());
        Ok(devices)
    }

    /// Whether a device takes packets of IP in IP with this source and destination (`ipip`, `sit`, `ip6tnl`), and is up.
    ///
    /// Errors: as [`Routes::device_of_name`].
    pub fn has_tunnel(&mut self, src: IpAddr, dst: IpAddr) -> Result<bool, Errno> {
        for kind in [InfoKind::IpIp, InfoKind::SitTun, InfoKind::Ip6Tnl] {
            let links = self.links(&kind)?;
            if links.iter().any(|link| link::is_between(link, dst, src)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The devices of a kind that are up.
    fn links(&mut self, kind: &InfoKind) -> Result<Vec<LinkMessage>, Errno> {
        let mut question = LinkMessage::default();
        question.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind.clone())]));
        let answers = self.0.list(RouteNetlinkMessage::GetLink(question))?.into_iter();
        let links = answers.filter_map(|answer| match answer {
            RouteNetlinkMessage::NewLink(link) => Some(link),
            _ => None,
        });
        // A kernel that has not loaded the module lists all links.
        let is_meant = |link: &LinkMessage| {
            link::kind(link).as_ref() == Some(kind) && link.header.flags.contains(LinkFlags::Up)
        };
        Ok(links.filter(is_meant).collect())
    }

    fn device(&mut self, index: u32) -> Result<Device, Errno> {
        let link = self.link(index)?;
        self.device_of(&link)
    }

    fn device_of(&self, link: &LinkMessage) -> Result<Device, Errno> {
        let name = self.name(link.header.index)?;
        let is_loopback = link.header.flags.contains(LinkFlags::Loopback);
        let xfrm = link::xfrm(link, |index| self.name(index).ok());
        Ok(Device {
            name,
            mtu: link::mtu(link),
            is_loopback,
            xfrm,
            vrf: self.vrf(link)?,
            link: link::below(link),
        })
    }

    /// As [`Routes::device_of`]; none: the device was removed meanwhile.
    fn if_there(&self, link: &LinkMessage) -> Result<Option<Device>, Errno> {
        match self.device_of(link) {
            Err(Errno::NODEV | Errno::NXIO) => Ok(None),
            found => found.map(Some),
        }
    }

    fn name(&self, index: u32) -> Result<DeviceName, Errno> {
        index_to_name(self.0.socket(), index)?.parse().map_err(|_| Errno::NODEV)
    }

    fn link(&self, index: u32) -> Result<LinkMessage, Errno> {
        let mut question = LinkMessage::default();
        question.header.index = index;
        match self.0.ask(RouteNetlinkMessage::GetLink(question))? {
            RouteNetlinkMessage::NewLink(link) => Ok(link),
            _ => Err(Errno::BADMSG),
        }
    }

    /// The VRF that is the master of a device.
    fn vrf(&self, link: &LinkMessage) -> Result<Option<DeviceName>, Errno> {
        let Some(master) = link::master(link) else { return Ok(None) };
        let is_vrf = link::kind(&self.link(master)?) == Some(InfoKind::Vrf);
        is_vrf.then(|| self.name(master)).transpose()
    }

    fn question(&self, query: &RouteQuery) -> Result<RouteMessage, Errno> {
        let index = |name: Option<DeviceName>| {
            name.map(|name| name_to_index(self.0.socket(), name.as_str())).transpose()
        };
        let mut message = RouteMessage::default();
        let version = IpVersion::of(query.dst);
        let whole = match version {
            IpVersion::V4 => 32,
            IpVersion::V6 => 128,
        };
        message.header.address_family = family(version);
        message.header.destination_prefix_length = whole;
        message.attributes.push(RouteAttribute::Destination(query.dst.into()));
        if let Some(src) = query.src {
            message.header.source_prefix_length = whole;
            message.attributes.push(RouteAttribute::Source(src.into()));
        }
        let known = [
            index(query.arrives_by)?.map(RouteAttribute::Iif),
            index(query.leaves_by)?.map(RouteAttribute::Oif),
            (query.mark != 0).then_some(RouteAttribute::Mark(query.mark)),
            query.uid.map(RouteAttribute::Uid),
        ];
        message.attributes.extend(known.into_iter().flatten());
        // Of other protocols the kernel takes none (`rtm_getroute_parse_ip_proto`).
        let icmp = match version {
            IpVersion::V4 => Upper::ICMP,
            IpVersion::V6 => Upper::ICMPV6,
        };
        let taken = [Upper::TCP, Upper::UDP, icmp];
        let upper = query.upper.map(Upper::Number).filter(|upper| taken.contains(upper));
        if let Some(upper) = upper {
            message.attributes.push(RouteAttribute::IpProto(upper.xfrm()));
            if let Some((src, dst)) = query.ports.filter(|_| upper != icmp) {
                message.attributes.extend([RouteAttribute::Sport(src), RouteAttribute::Dport(dst)]);
            }
        }
        Ok(message)
    }
}

fn ip(address: &netlink_packet_route::route::RouteAddress) -> Option<IpAddr> {
    use netlink_packet_route::route::RouteAddress as A;
    match address {
        A::Inet(address) => Some((*address).into()),
        A::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_routed_to_itself() {
        let mut routes = Routes::open().unwrap();
        let lo = routes.device_of_name("lo".parse().unwrap()).unwrap();
        assert!(lo.is_loopback && lo.has_no_xfrm() && lo.has_no_policy(IpVersion::V4));
        assert_eq!(routes.device(i32::MAX as u32).err(), Some(Errno::NODEV));
        let is_up = routes.find(&RouteQuery::to([127, 0, 0, 1].into())).is_ok();
        assert_eq!(routes.devices().unwrap().contains(&lo), is_up);
        let Ok(route) = routes.find(&RouteQuery::to([127, 0, 0, 1].into())) else {
            return; // The loopback is down.
        };
        assert_eq!((route.device, route.is_local, route.gateway), (lo, true, None));
        assert_eq!(route.mtu, lo.mtu);
    }
}
