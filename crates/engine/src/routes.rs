//! The kernel's look-up of a route (`RTM_GETROUTE`), and what devices have that decides on IPsec. Any user may
//! ask.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
};

use model::{DeviceName, IpVersion};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    link::{
        InfoData, InfoKind, InfoVti, InfoXfrm, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
    },
    route::{RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteType},
};
use rustix::{
    io::Errno,
    net::netdevice::{index_to_name, name_to_index},
};

use crate::rtnetlink::Conversation;

/// A packet as the routing table sees it.
#[derive(Debug, Clone, Copy)]
pub struct RouteQuery {
    /// The source; none: the kernel chooses it.
    pub src: Option<IpAddr>,
    /// The destination.
    pub dst: IpAddr,
    /// The firewall mark.
    pub mark: u32,
    /// The user that sends it.
    pub uid: Option<u32>,
    /// The device that it arrives at; none: it is from this host.
    pub arrives_by: Option<DeviceName>,
    /// The device that its socket is bound to.
    pub leaves_by: Option<DeviceName>,
    /// The number of the upper-layer protocol.
    pub upper: Option<u8>,
    /// The ports, host order.
    pub ports: Option<(u16, u16)>,
}

impl RouteQuery {
    /// A packet of this host of which only the destination is known.
    #[must_use]
    pub fn to(dst: IpAddr) -> Self {
        let (src, uid, arrives_by, leaves_by) = (None, None, None, None);
        Self { src, dst, mark: 0, uid, arrives_by, leaves_by, upper: None, ports: None }
    }
}

/// A route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The source that the kernel would choose.
    pub src: Option<IpAddr>,
    /// The next router.
    pub gateway: Option<IpAddr>,
    /// The device of the route, by which the packet leaves; of a packet to this host that of the address, or `lo`.
    pub device: Device,
    /// The most bytes of a packet: of the route, or of its device.
    pub mtu: u32,
    /// Whether the packet is for this host.
    pub is_local: bool,
}

/// A network device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: DeviceName,
    /// The most bytes of a packet.
    pub mtu: u32,
    /// Whether it is a loopback device.
    pub is_loopback: bool,
    /// What it looks policies up with, if it does.
    pub xfrm: Option<DeviceXfrm>,
    /// The VRF that it belongs to, whose routing table its packets have.
    pub vrf: Option<DeviceName>,
}

/// A device that looks policies up itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceXfrm {
    /// A vti device.
    Vti {
        /// The key of packets that leave by it, which is their mark.
        key: u32,
        /// This end.
        local: IpAddr,
        /// The other end, or the unspecified address.
        remote: IpAddr,
    },
    /// An xfrm interface.
    Interface {
        /// Its number; none: each packet brings its own.
        if_id: Option<NonZeroU32>,
        /// The device below it.
        link: Option<DeviceName>,
    },
}

impl Device {
    /// Whether packets that leave by it have no policy (`disable_xfrm`, of IPv4 alone).
    #[must_use]
    pub fn has_no_xfrm(&self) -> bool {
        is_set("ipv4", self.name, "disable_xfrm")
    }

    /// Whether the policy of packets that arrive at it is not checked (`disable_policy`). Of an IPv6 packet to this
    /// host the device is that which has the destination ([`Routes::owner`]).
    #[must_use]
    pub fn has_no_policy(&self, version: IpVersion) -> bool {
        let directory = match version {
            IpVersion::V4 => "ipv4",
            IpVersion::V6 => "ipv6",
        };
        is_set(directory, self.name, "disable_policy")
    }

    /// Whether packets that arrive at it are forwarded (`IN_DEV_FORWARD`; `ip6_forward`, net/ipv6/ip6_output.c).
    #[must_use]
    pub fn forwards(&self, version: IpVersion) -> bool {
        let name = self.name.as_str();
        match version {
            IpVersion::V4 => is_on("ipv4", name, "forwarding"),
            IpVersion::V6 => {
                is_on("ipv6", "all", "forwarding") || is_on("ipv6", name, "force_forwarding")
            }
        }
    }

    /// Whether the source of packets that arrive at it is compared with the route back (`rp_filter`, of IPv4 alone).
    #[must_use]
    pub fn filters_by_source(&self) -> bool {
        is_set("ipv4", self.name, "rp_filter")
    }
}

/// Whether a setting is on for a device or for all (`IN_DEV_ORCONF`, linux/inetdevice.h).
fn is_set(directory: &str, device: DeviceName, setting: &str) -> bool {
    is_on(directory, "all", setting) || is_on(directory, device.as_str(), setting)
}

fn is_on(directory: &str, device: &str, setting: &str) -> bool {
    let value = fs::read_to_string(format!("/proc/sys/net/{directory}/conf/{device}/{setting}"));
    value.is_ok_and(|value| value.trim() != "0")
}

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
        Ok(Route { src, gateway, device, mtu: mtu.unwrap_or(device.mtu), is_local })
    }

    /// The device that has an address of this host.
    ///
    /// Errors: as [`Routes::find`]; EADDRNOTAVAIL.
    pub fn owner(&mut self, addr: IpAddr) -> Result<Device, Errno> {
        let mut question = self.question(&RouteQuery::to(addr))?;
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

    fn device(&mut self, index: u32) -> Result<Device, Errno> {
        let name = self.name(index)?;
        let link = self.link(index)?;
        let mtu = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Mtu(bytes) => Some(*bytes),
            _ => None,
        });
        let is_loopback = link.header.flags.contains(LinkFlags::Loopback);
        let (vrf, xfrm) = (self.vrf(&link)?, self.xfrm(&link));
        Ok(Device { name, mtu: mtu.unwrap_or(0), is_loopback, xfrm, vrf })
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

    /// What a device looks policies up with.
    fn xfrm(&self, link: &LinkMessage) -> Option<DeviceXfrm> {
        let data = infos(link).iter().find_map(|info| match info {
            LinkInfo::Data(data) => Some(data),
            _ => None,
        });
        let is_v6 = kind(link) == Some(InfoKind::Vti6);
        let nowhere =
            if is_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        match data? {
            InfoData::Vti(values) => {
                let (mut key, mut local, mut remote) = (0, nowhere, nowhere);
                for value in values {
                    match value {
                        InfoVti::OKey(own) => key = *own,
                        InfoVti::Local(addr) => local = *addr,
                        InfoVti::Remote(addr) => remote = *addr,
                        _ => {}
                    }
                }
                Some(DeviceXfrm::Vti { key, local, remote })
            }
            InfoData::Xfrm(values) => {
                let (mut if_id, mut link) = (None, None);
                for value in values {
                    match value {
                        InfoXfrm::IfId(own) => if_id = NonZeroU32::new(*own),
                        InfoXfrm::Link(index) => link = self.name(*index).ok(),
                        _ => {}
                    }
                }
                Some(DeviceXfrm::Interface { if_id, link })
            }
            _ => None,
        }
    }

    /// The VRF that is the master of a device.
    fn vrf(&self, link: &LinkMessage) -> Result<Option<DeviceName>, Errno> {
        let master = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Controller(index) if *index != 0 => Some(*index),
            _ => None,
        });
        let Some(master) = master else { return Ok(None) };
        let is_vrf = kind(&self.link(master)?) == Some(InfoKind::Vrf);
        is_vrf.then(|| self.name(master)).transpose()
    }

    fn question(&self, query: &RouteQuery) -> Result<RouteMessage, Errno> {
        let index = |name: Option<DeviceName>| {
            name.map(|name| name_to_index(self.0.socket(), name.as_str())).transpose()
        };
        let mut message = RouteMessage::default();
        let (family, whole) = match IpVersion::of(query.dst) {
            IpVersion::V4 => (AddressFamily::Inet, 32),
            IpVersion::V6 => (AddressFamily::Inet6, 128),
        };
        message.header.address_family = family;
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
        if let Some(upper) = query.upper.filter(|upper| [1, 6, 17, 58].contains(upper)) {
            message.attributes.push(RouteAttribute::IpProto(upper));
            if let Some((src, dst)) = query.ports.filter(|_| [6, 17].contains(&upper)) {
                message.attributes.extend([RouteAttribute::Sport(src), RouteAttribute::Dport(dst)]);
            }
        }
        Ok(message)
    }
}

/// What kind of device it is.
fn kind(link: &LinkMessage) -> Option<InfoKind> {
    infos(link).iter().find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind.clone()),
        _ => None,
    })
}

fn infos(link: &LinkMessage) -> &[LinkInfo] {
    let infos = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos.as_slice()),
        _ => None,
    });
    infos.unwrap_or_default()
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
        let Ok(route) = routes.find(&RouteQuery::to([127, 0, 0, 1].into())) else {
            return; // The loopback is down.
        };
        assert_eq!((route.device, route.is_local, route.gateway), (lo, true, None));
        assert_eq!(route.mtu, lo.mtu);
    }
}
