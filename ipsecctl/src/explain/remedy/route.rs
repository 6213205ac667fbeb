//! The remedy for a packet that its route, or a setting of its device, drops.

use std::net::IpAddr;

use explain::{Explanation, Reason};
use model::{IpVersion, Mode, Visible};

use crate::explain::routing::Routing;

/// What to do; none: the reason is another one.
pub fn of(
    reason: Reason,
    explanation: &Explanation<'_>,
    routing: Option<&Routing>,
) -> Option<String> {
    let flow = explanation.flow.as_ref()?;
    let device = routing.and_then(|it| it.arrives_by).map(|device| device.name);
    let device = device.as_ref().map_or("DEVICE", |name| name.as_str());
    let device = Visible(device);
    Some(match (reason, flow.version()) {
        (Reason::NoForwarding, IpVersion::V4) => format!(
            "`sysctl -w net/ipv4/conf/{device}/forwarding=1`, for all devices net.ipv4.ip_forward"
        ),
        (Reason::NoForwarding, IpVersion::V6) => {
            "`sysctl -w net.ipv6.conf.all.forwarding=1`".to_owned()
        }
        (Reason::NoRoute, _) => {
            format!("{}; a device that is down has no route", add(flow.dst(), flow.mark))
        }
        (Reason::UnreachableRoute | Reason::ProhibitRoute | Reason::BlackholeRoute, _) => format!(
            "delete the route or the rule that refuses it: `ip route show table all match {}`, `ip rule`",
            flow.dst()
        ),
        (Reason::ReversePath, _) => format!(
            "route {} by {device}, or `sysctl -w net/ipv4/conf/{device}/rp_filter=2`",
            flow.src()
        ),
        (Reason::TunnelRoute, _) => of_tunnel(explanation)?,
        _ => return None,
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

/// A route for the outermost packet of the first tunnel.
fn of_tunnel(explanation: &Explanation<'_>) -> Option<String> {
    let output = explanation.output.as_ref()?;
    let mut sas = output.templates.iter().filter_map(|it| it.search.found);
    let entry = sas.find(|entry| entry.sa.mode.installed() != Mode::Transport)?;
    let own = explanation.flow.map_or(0, |flow| flow.mark);
    let set = entry.sa.output_mark;
    let mark = if set.is_none() { 0 } else { set.set(own) };
    Some(add(entry.sa.ends.dst(), mark))
}

fn add(dst: IpAddr, mark: u32) -> String {
    let add = format!("`ip route add {dst} via ROUTER`, unless a rule of `ip rule` refuses it");
    if mark == 0 { add } else { format!("{add}, in the table that it has for fwmark {mark:#x}") }
}
