//! ESP in UDP: its ports, the packet around it, and whether a socket has its port.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::IpAddr,
};

use explain::{Arrival, Flow, InUdp, Surroundings, Tables};
use model::{Direction, EncapKind, IpVersion, NAT_T_PORT, SaEntry, Upper};

use crate::Error;

/// Whether UDP that arrives at a port has ESP in it: an SA to the address is encapsulated so, or it is the usual port. The
/// port that it comes from counts for nothing.
pub fn is_encapsulation(sas: &[SaEntry], dst: IpAddr, port: u16) -> bool {
    let has_port = |entry: &SaEntry| {
        let encap = entry.sa.encap.filter(|encap| encap.kind != EncapKind::EspInTcp);
        encap.and_then(|encap| encap.dst_port).is_some_and(|own| own.get() == port)
    };
    port == NAT_T_PORT.get()
        || sas.iter().any(|entry| entry.sa.ends.dst() == dst && has_port(entry))
}

/// The UDP packet that comes by the SA of an SPI, if nothing but that is known of it.
pub fn around(sas: &[SaEntry], arrivals: &[Arrival]) -> Option<Flow> {
    let first = arrivals.first().filter(|arrival| arrival.encapsulation.is_none())?;
    let sa = sas.iter().map(|entry| &entry.sa).find(|sa| sa.spi == first.spi)?;
    let encap = sa.encap.filter(|encap| encap.kind == EncapKind::EspInUdp)?;
    let mut flow = Flow::new(sa.ends.src(), sa.ends.dst()).ok()?;
    flow.upper = Some(Upper::UDP.xfrm());
    let [src, dst] = [encap.src_port, encap.dst_port].map(|port| port.unwrap_or(NAT_T_PORT).get());
    (flow.src_port, flow.dst_port) = (Some(src), Some(dst));
    Some(flow)
}

/// What becomes of the UDP packet.
pub fn check<'a>(
    tables: &'a Tables,
    flow: Flow,
    surroundings: &Surroundings<'_>,
) -> Result<InUdp<'a>, Error> {
    let mut udp = InUdp::new(tables, flow, surroundings);
    udp.has_socket = flow.dst_port.and_then(|port| has_socket(port, flow.version()));
    if !udp.check.verdict.passes() {
        udp.may_have_policy = engine::socket_policies()?.iter().any(|it| {
            let id = &it.entry.policy.id;
            id.direction == Direction::In && flow.compare_policy(id).may_match()
        });
    }
    Ok(udp)
}

/// Whether a UDP socket of this network namespace has a port; none: the kernel does not show them. A socket of IPv6 may
/// take packets of IPv4 too.
fn has_socket(port: u16, version: IpVersion) -> Option<bool> {
    let open = |name: &str| File::open(format!("/proc/thread-self/net/{name}")).ok();
    let (v4, v6) = (open("udp")?, open("udp6"));
    let v4 = Some(v4).filter(|_| version == IpVersion::V4);
    Some([v4, v6].into_iter().flatten().any(|table| has_port(BufReader::new(table), port)))
}

/// Whether a table of sockets has one of a port. The table of a host may be long: it is read line by line.
fn has_port(table: impl BufRead, port: u16) -> bool {
    let local = |line: &str| {
        let (_, port) = line.split_whitespace().nth(1)?.rsplit_once(':')?;
        u16::from_str_radix(port, 16).ok()
    };
    table.lines().skip(1).map_while(Result::ok).any(|line| local(&line) == Some(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_has_a_local_port() {
        // /proc/net/udp of Linux 7.2.
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  112: 00000000:1194 0100007F:1195 07 00000000:00000000 00:00000000 00000000     0        0 5044 2 0000000000000000 0
";
        assert_eq!([4500, 4501].map(|port| has_port(table.as_bytes(), port)), [true, false]);
    }
}
