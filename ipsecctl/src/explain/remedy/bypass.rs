//! The remedy for packets that SAs need to come into being, and that wait for SAs themselves.

use explain::{Explanation, Flow, Reason};
use model::{Direction, IKE_PORT, IpVersion, NAT_T_PORT, Upper};

/// The ports of IKE (RFC 7296, section 2): without and with NAT traversal.
const OF_IKE: [u16; 2] = [IKE_PORT.get(), NAT_T_PORT.get()];
/// The types of neighbour discovery (RFC 4861, section 4).
const NEIGHBOUR_DISCOVERY: std::ops::RangeInclusive<u16> = 133..=137;

/// The policy that lets them pass in clear; none: it is another packet, or another reason.
pub fn of(reason: Reason, explanation: &Explanation<'_>) -> Option<String> {
    let is_for_want_of_sa = matches!(reason, Reason::NoSa | Reason::Templates);
    if !is_for_want_of_sa || !explanation.path().is_empty() {
        return None;
    }
    let flow = explanation.flow.as_ref()?;
    let direction = match explanation.output {
        Some(_) => Direction::Out,
        None => explanation.direction,
    };
    if is_ike(flow) {
        let [src, dst] = [(flow.src(), flow.src_port), (flow.dst(), flow.dst_port)]
            .map(|(addr, port)| port.map_or(addr.to_string(), |port| format!("{addr}[{port}]")));
        Some(format!(
            "let IKE pass in clear, which makes the SAs: spdadd {src} {dst} udp -P {direction} none; or have its daemon set a policy `bypass` for its socket",
            direction = direction.word()
        ))
    } else if is_neighbour_discovery(flow) {
        let kind = flow.src_port?;
        Some(format!(
            "let neighbour discovery pass in clear, without which no packet is sent: spdadd ::/0 ::/0 icmp6 {kind},0 -P {} none;",
            direction.word()
        ))
    } else if direction != Direction::Out && is_icmp_error(flow) {
        let dst = flow.dst();
        let selector = match (flow.version(), flow.src_port, flow.dst_port) {
            (IpVersion::V6, Some(kind), Some(code)) => format!("::/0 {dst} icmp6 {kind},{code}"),
            (IpVersion::V6, ..) => format!("::/0 {dst} icmp6"),
            // The grammar has no types of ICMP for IPv4.
            (IpVersion::V4, ..) => format!("0.0.0.0/0 {dst} icmp"),
        };
        Some(format!("let the ICMP errors of routers pass in clear: spdadd {selector} -P in none;"))
    } else {
        None
    }
}

/// Unreachable, time exceeded, parameter problem (RFC 792); of IPv6 all types below 128 (RFC 4443, section 2.1).
fn is_icmp_error(flow: &Flow) -> bool {
    match (flow.version(), flow.upper.map(Upper::Number), flow.src_port) {
        (IpVersion::V4, Some(Upper::ICMP), Some(kind)) => [3, 11, 12].contains(&kind),
        (IpVersion::V6, Some(Upper::ICMPV6), Some(kind)) => kind < 128,
        _ => false,
    }
}

fn is_ike(flow: &Flow) -> bool {
    let is_port = |port: Option<u16>| port.is_some_and(|port| OF_IKE.contains(&port));
    flow.upper.map(Upper::Number) == Some(Upper::UDP)
        && (is_port(flow.src_port) || is_port(flow.dst_port))
}

/// Of ICMP the type is in the place of the source port.
fn is_neighbour_discovery(flow: &Flow) -> bool {
    flow.version() == IpVersion::V6
        && flow.upper.map(Upper::Number) == Some(Upper::ICMPV6)
        && flow.src_port.is_some_and(|kind| NEIGHBOUR_DISCOVERY.contains(&kind))
}
