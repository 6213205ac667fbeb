//! What a route is asked for, and what it has.

use std::{net::IpAddr, num::NonZeroU32};

use model::DeviceName;

use super::device::Device;

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
    /// What the route has for an xfrm interface whose packets have their own number.
    pub encap: Option<RouteEncap>,
}

/// What packets of a route have for an xfrm interface (`ip route add ... encap xfrm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteEncap {
    /// Their number.
    pub if_id: NonZeroU32,
    /// The device that policies are looked up with.
    pub link: Option<DeviceName>,
}
