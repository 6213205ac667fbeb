//! The remedy for a packet that its route, or a setting of its device, drops.

use std::net::IpAddr;

use engine::RouteQuery;
use explain::{Explanation, Reason};
use model::{DeviceName, IpVersion, Mode, SaEntry, Visible};

use crate::explain::{
    basis,
    routing::{Around, Obstacle, Routing},
};

/// Why a device has no routes of IPv6.
const NO_ROUTE_OF_IPV6: &str =
    "a device that is down, has disable_ipv6 or an MTU below 1280 bytes has no route of IPv6";

/// The packet that is refused: that which policies are looked up for, or the one that its SAs are undone of.
struct Refused {
    src: IpAddr,
    dst: IpAddr,
    mark: u32,
    /// The device that it arrives at.
    device: Option<DeviceName>,
    is_outer: bool,
}

impl Refused {
    fn of(explanation: &Explanation<'_>, routing: Option<&Routing>) -> Option<Self> {
        if let Some((Around { packet, device, .. }, _)) = routing.and_then(Routing::stopped_around)
        {
            let device = device.map(|device| device.name);
            let RouteQuery { dst, mark, .. } = packet;
            return Some(Self { src: packet.src?, dst, mark, device, is_outer: true });
        }
        let flow = explanation.flow.as_ref()?;
        let device = routing.and_then(|it| it.arrives_by).map(|device| device.name);
        Some(Self { src: flow.src(), dst: flow.dst(), mark: flow.mark, device, is_outer: false })
    }

    fn device(&self) -> Visible<'_> {
        Visible(self.device.as_ref().map_or("DEVICE", |name| name.as_str()))
    }

    /// Where the packet has no route, it may be meant for this host.
    fn or_own(&self, remedy: String) -> String {
        let dst = self.dst;
        if self.is_outer {
            format!("{remedy}; or give the host the address {dst}, if the packet is for it")
        } else {
            remedy
        }
    }
}

/// What to do; none: the reason is another one.
pub fn of(
    reason: Reason,
    explanation: &Explanation<'_>,
    routing: Option<&Routing>,
) -> Option<String> {
    let refused = Refused::of(explanation, routing)?;
    let Refused { dst, mark, .. } = refused;
    let device = refused.device();
    Some(match (reason, IpVersion::of(dst)) {
        (Reason::NoForwarding, IpVersion::V4) => format!(
            "`sysctl -w net/ipv4/conf/{device}/forwarding=1`, for all devices net.ipv4.ip_forward"
        ),
        (Reason::NoForwarding, IpVersion::V6) => {
            "`sysctl -w net.ipv6.conf.all.forwarding=1`".to_owned()
        }
        (Reason::NoRoute, IpVersion::V4) => {
            refused.or_own(format!("{}; a device that is down has no route", add(dst, mark)))
        }
        (Reason::NoRoute, IpVersion::V6) => {
            refused.or_own(format!("{}; {NO_ROUTE_OF_IPV6}", add(dst, mark)))
        }
        (Reason::UnreachableRoute | Reason::ProhibitRoute | Reason::BlackholeRoute, _) => refused.or_own(format!(
            "delete the route or the rule that refuses it: `ip route show table all match {dst}`, `ip rule`"
        )),
        (Reason::ReversePath, _) => of_reverse_path(&refused, routing?),
        (Reason::TunnelRoute, _) => of_tunnel(explanation, routing)?,
        (Reason::OuterElsewhere, _) => of_elsewhere(routing?)?,
        (Reason::InterfaceLoop, _) => format!(
            "route the end of the tunnel by the device below: `ip route add {} via ROUTER`",
            tunnel(explanation)?.sa.ends.dst()
        ),
        (Reason::TunnelToItself, _) => format!(
            "take the address from this host, if it is the peer's: `ip address show to {}`",
            tunnel(explanation)?.sa.ends.dst()
        ),
        (Reason::NoCarrier, _) => {
            let route = basis::transformed(explanation, routing?)?;
            format!("plug the cable in, or set its peer up: `ip -d link show {}`", Visible(route.device.name.as_str()))
        }
        (Reason::NoIpv6, _) => format!(
            "`sysctl -w net/ipv6/conf/{device}/disable_ipv6=0`, and an MTU of 1280 bytes or more: `ip link show {device}`"
        ),
        _ => return None,
    })
}

/// What to do about a packet for another host that SAs of this one are to be undone of.
pub fn of_elsewhere(routing: &Routing) -> Option<String> {
    let (Around { packet, .. }, fault) = routing.stopped_around()?;
    let give = format!("give the host the address {}", packet.dst);
    Some(match (routing.is_captured(), fault) {
        (false, _) => format!("{give}, or add the SA with one that it has as its destination"),
        (true, Obstacle::Forwarded) => {
            format!("{give}, if the packet is for it; for one that it forwards, give `fwd`")
        }
        (true, Obstacle::Refused(_)) => format!("{give}, if the packet is for it"),
    })
}

/// A packet out of a vti device whose policy is checked again, as of any other device.
pub fn of_vti(explanation: &Explanation<'_>, routing: Option<&Routing>) -> Option<String> {
    let through = routing?.through().filter(|through| through.vti_key.is_some())?;
    let is_again = explanation.check.as_ref().is_some_and(|check| check.vti_key.is_none());
    let version = match explanation.flow?.version() {
        IpVersion::V4 => "ipv4",
        IpVersion::V6 => "ipv6",
    };
    is_again.then(|| {
        let name = Visible(through.name.as_str());
        format!(
            "`sysctl -w net/{version}/conf/{name}/disable_policy=1`: the device has checked the policy with its key"
        )
    })
}

/// What has `rp_filter` let a packet in. The loose one too refuses all by a device without addresses, and what has no route.
fn of_reverse_path(refused: &Refused, routing: &Routing) -> String {
    let (src, name) = (refused.src, refused.device());
    if refused.is_outer || routing.through().is_some() {
        format!(
            "route {src} by {name}, or switch the filter off: `sysctl -w net/ipv4/conf/{name}/rp_filter=0 net/ipv4/conf/all/rp_filter=0`"
        )
    } else {
        format!("route {src} by {name}, or `sysctl -w net/ipv4/conf/{name}/rp_filter=2`")
    }
}

/// A route for the outermost packet of the first tunnel.
fn of_tunnel(explanation: &Explanation<'_>, routing: Option<&Routing>) -> Option<String> {
    let entry = tunnel(explanation)?;
    let own = explanation.flow.map_or(0, |flow| flow.mark);
    let set = entry.sa.output_mark;
    let mark = if set.is_none() { 0 } else { set.set(own) };
    let vrf = routing.and_then(Routing::vrf);
    let dst = entry.sa.ends.dst();
    let vrf = vrf.as_ref().map(|name| Visible(name.as_str()));
    let added = match vrf {
        Some(name) => format!("`ip route add {dst} vrf {name} via ROUTER`"),
        None => add(dst, mark),
    };
    let off = match IpVersion::of(dst) {
        IpVersion::V6 => format!("; {NO_ROUTE_OF_IPV6}"),
        IpVersion::V4 => String::new(),
    };
    Some(added + &off)
}

/// What to look at if a neighbour does not answer.
pub fn of_next_hop(explanation: &Explanation<'_>, routing: &Routing) -> Option<String> {
    let (_, dst) = basis::destination(explanation)?;
    let route = basis::transformed(explanation, routing)?;
    let device = route.device.name;
    let name = Visible(device.as_str());
    Some(match route.gateway {
        Some(router) => format!(
            "see whether the router {router} is up and reached by {name}, or take another: `ip route get {dst}`"
        ),
        None => {
            format!("see whether {dst} is up and reached by {name}: `ip neigh show dev {name}`")
        }
    })
}

/// The first SA of a packet that leaves whose packets have addresses of their own.
fn tunnel<'a>(explanation: &Explanation<'a>) -> Option<&'a SaEntry> {
    let mut sas = explanation.output.as_ref()?.templates.iter().filter_map(|it| it.search.found);
    sas.find(|entry| entry.sa.mode.installed() != Mode::Transport)
}

fn add(dst: IpAddr, mark: u32) -> String {
    let add = format!("`ip route add {dst} via ROUTER`, unless a rule of `ip rule` refuses it");
    if mark == 0 { add } else { format!("{add}, in the table that it has for fwmark {mark:#x}") }
}
