//! What is to be done where a policy, or its default, discards packets.

use std::net::IpAddr;

use model::{Direction, NAT_T_PORT, PolicyEntry};

pub(super) fn discards(entry: &PolicyEntry) -> String {
    format!(
        "ip xfrm policy delete dir {} index {}, or add a policy of a higher priority",
        entry.policy.id.direction.word(),
        entry.index
    )
}

pub(super) fn default_drops(direction: Direction, is_kernels: bool) -> String {
    if is_kernels {
        let direction = direction.word();
        format!("ip xfrm policy setdefault {direction} accept, or add a policy for these packets")
    } else {
        "sysctl-shim net.inet.ipsec.def_policy=1, or add a policy for these packets".to_owned()
    }
}

/// A policy that lets ESP in UDP pass to the socket that decapsulates it.
pub(super) fn let_encapsulation_pass((src, dst): (IpAddr, IpAddr)) -> String {
    format!(
        "spdadd {src} {dst}[{NAT_T_PORT}] udp -P in prio high none; or give the socket the policy `in bypass`: `ipsecctl socket set`"
    )
}
