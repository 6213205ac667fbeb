//! Where the packet arrives that SAs are undone of, and whether it gets to them.

use std::net::IpAddr;

use engine::{Device, RouteQuery, Routes};
use explain::Reason;
use model::IpVersion;

use super::{Given, refusal::on_arrival};

/// Where the packet arrives that SAs are undone of.
#[derive(Debug, Clone, Copy)]
pub struct Around {
    /// The packet.
    pub packet: RouteQuery,
    /// The device that it arrives at: the one that was given, or the likeliest. It is not the one that what is inside comes out of.
    pub device: Option<Device>,
    /// Why no SA is looked up for it; none: one is, or another device that was not given may have it.
    pub fault: Option<Obstacle>,
}

/// Why no SA is looked up for a packet that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It is dropped.
    Refused(Reason),
    /// It is for another host, and is forwarded.
    Forwarded,
}

impl Around {
    pub(super) fn of(routes: &mut Routes, packet: RouteQuery, given: &Given) -> Self {
        let device = arrives_at(routes, (packet.src, packet.dst), given);
        let own = device.and_then(|device| fault(routes, &packet, device));
        let fault = match own {
            Some(own) if given.outer_device().is_none() => by_any(routes, &packet, given, own),
            own => own,
        };
        Self { packet, device, fault }
    }
}

/// Why no SA is looked up for a packet whose device was not given, and which is refused at the likeliest: at each other one it is
/// refused too, or forwarded. None: at one of them it is for this host, or the devices are not known.
fn by_any(
    routes: &mut Routes,
    packet: &RouteQuery,
    given: &Given,
    own: Obstacle,
) -> Option<Obstacle> {
    let through = given.through.map(|it| it.name);
    let mut found = own;
    let devices = routes.devices().ok()?;
    for device in devices.into_iter().filter(|it| !it.is_loopback && Some(it.name) != through) {
        if fault(routes, packet, device)? == Obstacle::Forwarded {
            found = Obstacle::Forwarded;
        }
    }
    Some(found)
}

/// The device that a packet arrives at which SAs are undone of: the one that was given, or the likeliest.
pub(super) fn arrives_at(
    routes: &mut Routes,
    (src, dst): (Option<IpAddr>, IpAddr),
    given: &Given,
) -> Option<Device> {
    if let Some(name) = given.outer_device() {
        return routes.device_of_name(name).ok();
    }
    likeliest(routes, src, dst).or_else(|| routes.owner(dst).ok())
}

/// The device of the route back to the source of a packet, in the VRF that has its destination; of addresses of a link the one
/// that has that.
pub(super) fn likeliest(routes: &mut Routes, src: Option<IpAddr>, dst: IpAddr) -> Option<Device> {
    let owner = routes.owner(dst).ok();
    let is_of_link = matches!(dst, IpAddr::V6(dst) if dst.is_unicast_link_local());
    if let Some(owner) = owner.filter(|_| is_of_link) {
        return Some(owner);
    }
    let vrf = owner.and_then(|owner| owner.vrf);
    let back = RouteQuery { leaves_by: vrf, ..RouteQuery::to(src?) };
    routes.find(&back).ok().map(|route| route.device)
}

fn fault(routes: &mut Routes, packet: &RouteQuery, device: Device) -> Option<Obstacle> {
    let query = RouteQuery { arrives_by: Some(device.name), ..*packet };
    match routes.find(&query) {
        Ok(route) if route.is_local => None,
        Ok(_) if device.forwards(IpVersion::of(packet.dst)) => Some(Obstacle::Forwarded),
        Ok(_) => Some(Obstacle::Refused(Reason::OuterElsewhere)),
        Err(errno) => Some(Obstacle::Refused(match on_arrival(routes, packet, device, errno) {
            Reason::NoForwarding => Reason::OuterElsewhere,
            reason => reason,
        })),
    }
}

/// Whether the packet that was captured is for this host, so that SAs are looked up for it.
pub fn is_for_this_host(given: &Given) -> bool {
    let (Ok(mut routes), Some(packet)) = (Routes::open(), given.outer) else { return true };
    let device = arrives_at(&mut routes, (packet.src, packet.dst), given);
    let query = device.map(|device| RouteQuery { arrives_by: Some(device.name), ..packet });
    let is_local = query.and_then(|query| routes.find(&query).ok()).map(|route| route.is_local);
    match is_local {
        Some(is_local) if is_local || given.outer_device().is_some() => is_local,
        _ => routes.owner(packet.dst).is_ok(),
    }
}
