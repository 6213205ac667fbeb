//! Causes outside the tables: routes, devices, firewalls and programs.

use std::net::IpAddr;

use ::diagnose::IcmpKind;
use explain::Flow;
use model::{DeviceName, Direction, PolicyEntry, SaEntry, Template, Visible};

use super::{of_flow, policy};
use crate::explain::words;

fn device(device: Option<DeviceName>) -> String {
    device.map_or("another device".to_owned(), |device| Visible(device.as_str()).to_string())
}

pub(super) fn without_xfrm(at: DeviceName, entry: &PolicyEntry, flow: &Flow) -> String {
    format!(
        "packets of {} leave in clear ({}): {} has disable_xfrm",
        policy(entry),
        words::flow(flow),
        device(Some(at))
    )
}

pub(super) fn no_route(addr: Option<IpAddr>) -> String {
    let to = addr.map_or("the other end of a tunnel".to_owned(), |addr| addr.to_string());
    format!("there is no route to {to}")
}

pub(super) fn wrong_source(entry: &PolicyEntry, template: &Template) -> String {
    format!(
        "the source of the tunnel of {}, template {}, is no address of this host",
        policy(entry),
        words::template(template)
    )
}

pub(super) fn not_forwarding(entry: &PolicyEntry) -> String {
    format!("this host does not forward the packets that come by the tunnel of {}", policy(entry))
}

pub(super) fn not_received(sa: &SaEntry) -> String {
    format!(
        "packets of {} arrive and are dropped before XFRM receives them: a firewall, or the memory for fragments",
        words::sa(sa)
    )
}

pub(super) fn not_sent(sa: &SaEntry) -> String {
    format!(
        "packets of {} are transformed and do not leave: a firewall, or no neighbour answers for the next hop",
        words::sa(sa)
    )
}

pub(super) fn no_udp_socket(sa: &SaEntry) -> String {
    format!(
        "no program here has a UDP socket for encapsulated ESP, so that packets of {} are not decapsulated",
        words::sa(sa)
    )
}

pub(super) fn reverse_path(
    at: Option<DeviceName>,
    peer: Option<IpAddr>,
    route: Option<DeviceName>,
) -> String {
    let Some(peer) = peer else {
        return "rp_filter drops packets that arrive at another device than that of the route to their source".to_owned();
    };
    format!(
        "rp_filter drops packets of {peer}, which arrive at {} while the route to it is by {}",
        device(at),
        route.map_or("none".to_owned(), |it| device(Some(it)))
    )
}

pub(super) fn too_big(
    entry: Option<&PolicyEntry>,
    flow: Option<&Flow>,
    mtu: Option<u32>,
    router: Option<IpAddr>,
) -> String {
    let of = entry.map_or(String::new(), |entry| format!(" of {}", policy(entry)));
    let most = mtu.map_or(String::new(), |mtu| format!(" of {mtu} bytes"));
    let at = router.map_or("here".to_owned(), |router| format!("at {router}"));
    format!(
        "packets{of} are longer than the MTU{most} {at} and may not be fragmented{}",
        of_flow(flow)
    )
}

pub(super) fn unreachable(by: IpAddr, dst: IpAddr, kind: IcmpKind) -> String {
    let what = match kind {
        IcmpKind::NoProtocol => "has no such protocol: IPsec is not enabled there",
        IcmpKind::NoPort => "has no program at the UDP port",
        IcmpKind::Prohibited => "is not permitted by a firewall",
        IcmpKind::NoRoute => "is without a route there",
        IcmpKind::NoHost | IcmpKind::TooBig(_) => "cannot be reached",
    };
    format!("{by} reports that {dst} {what}")
}

pub(super) fn no_answer(entry: &PolicyEntry, flow: &Flow) -> String {
    format!(
        "{} does not answer ({}): packets of {} are decrypted and forwarded to it, which has no route back or a firewall",
        flow.dst(),
        words::flow(flow),
        policy(entry)
    )
}

pub(super) fn no_route_of(entry: &PolicyEntry, flow: Option<&Flow>) -> String {
    let dst = entry.policy.id.selector.dst();
    let dst = flow.map_or(format!("{}/{}", dst.addr(), dst.length()), |it| it.dst().to_string());
    let of = match entry.policy.id.direction {
        Direction::Out => "policies are looked up after the route, so that",
        Direction::In | Direction::Fwd => "packets come by a tunnel and are not forwarded, so that",
    };
    format!("there is no route to {dst}: {of} {} has no effect{}", policy(entry), of_flow(flow))
}
