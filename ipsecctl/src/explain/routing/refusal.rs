//! Why the routing table refuses a packet.

use std::net::{IpAddr, Ipv4Addr};

use engine::{Device, RouteQuery, Routes};
use explain::Reason;
use model::IpVersion;
use rustix::io::Errno;

/// The type of route that an error stands for (`fib_props`, `ip6_rt_type_to_error`).
pub(super) fn of_type(errno: Errno) -> Reason {
    match errno {
        Errno::HOSTUNREACH => Reason::UnreachableRoute,
        Errno::ACCESS => Reason::ProhibitRoute,
        Errno::INVAL => Reason::BlackholeRoute,
        _ => Reason::NoRoute,
    }
}

/// Why a packet that arrives at a device has no route (`ip_route_input_slow`).
pub(super) fn on_arrival(
    routes: &mut Routes,
    query: &RouteQuery,
    device: Device,
    errno: Errno,
) -> Reason {
    let version = IpVersion::of(query.dst);
    match (version, errno) {
        (IpVersion::V4, Errno::HOSTUNREACH) if !device.forwards(version) => Reason::NoForwarding,
        (IpVersion::V4, Errno::XDEV) => Reason::ReversePath,
        (IpVersion::V4, Errno::INVAL) => {
            let from_here = RouteQuery { src: None, ..*query };
            let is_blackhole = routes.find(&from_here).err() == Some(Errno::INVAL);
            let back = query.src.map(|src| routes.find(&RouteQuery::to(src)));
            let back = back.and_then(Result::ok);
            let is_of_this_host = back.is_some_and(|route| route.is_local);
            let is_back_by_it = back.is_some_and(|route| route.device.name == device.name);
            let is_martian = is_of_this_host || is_never_received(query);
            if is_blackhole {
                Reason::BlackholeRoute
            } else if is_martian {
                Reason::Martian
            } else if device.filters_by_source() && !is_back_by_it {
                Reason::ReversePath
            } else {
                // A rule for what arrives at this device leads there.
                Reason::BlackholeRoute
            }
        }
        _ => of_type(errno),
    }
}

/// Whether no packet of IPv4 with these addresses may arrive, wherever they are (`ip_route_input_slow`).
fn is_never_received(query: &RouteQuery) -> bool {
    let is_zero = |addr: Ipv4Addr| addr.octets()[0] == 0;
    let is_wrong_source = |addr: Ipv4Addr| {
        addr.is_multicast() || addr.is_broadcast() || addr.is_loopback() || is_zero(addr)
    };
    let is_wrong_destination = |addr: Ipv4Addr| addr.is_loopback() || is_zero(addr);
    let src = matches!(query.src, Some(IpAddr::V4(src)) if is_wrong_source(src));
    src || matches!(query.dst, IpAddr::V4(dst) if is_wrong_destination(dst))
}
