//! Entries for the tests of this crate: two hosts, 10.0.0.1 (here) and 10.0.0.2.

use std::net::IpAddr;

use explain::Tables;
use model::{
    Action, AddressPair, Counter, CounterValues, Current, Direction, Installation, Level, Mode,
    Policy, PolicyEntry, PolicyId, Prefix, Proto, ReqId, Sa, SaEntry, SaState, Selector, Spi,
    Template, TemplateMode,
};

use crate::{Observation, Seen, SeenPacket};

pub fn addr(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

pub fn ends(src: u8, dst: u8) -> AddressPair {
    AddressPair::new(addr(src), addr(dst)).unwrap()
}

pub fn sa(spi: u32, src: u8, dst: u8) -> SaEntry {
    let sa = Sa::bare(ends(src, dst), Proto::Esp, Spi(spi));
    SaEntry::new(sa, SaState::Mature, Current::default())
}

pub fn tunnel_sa(spi: u32, src: u8, dst: u8) -> SaEntry {
    let mut entry = sa(spi, src, dst);
    entry.sa.mode = Mode::Tunnel.into();
    entry
}

pub fn template(reqid: u32) -> Template {
    let level = ReqId::new(reqid).map_or(Level::Require, |reqid| Level::Unique(Some(reqid)));
    Template::new(Proto::Esp, TemplateMode::Transport, level)
}

pub fn tunnel(src: u8, dst: u8) -> Template {
    Template::new(Proto::Esp, TemplateMode::Tunnel(ends(src, dst)), Level::Require)
}

/// A policy with the index of its direction: 8 for `in`, 9 for `out`, 10 for `fwd`.
pub fn policy(direction: Direction, src: Prefix, dst: Prefix, action: Action) -> PolicyEntry {
    let id = PolicyId::new(Selector::new(src, dst).unwrap(), direction);
    let policy = Policy::new(id, action);
    let installation = Installation::plain(&policy);
    let index = 8 + u32::from(direction.xfrm());
    PolicyEntry { policy, installation, index, socket: false, current: Current::default() }
}

pub fn between(direction: Direction, src: u8, dst: u8, template: Template) -> PolicyEntry {
    let [src, dst] = [src, dst].map(|last| Prefix::host(addr(last)));
    policy(direction, src, dst, Action::Ipsec(vec![template]))
}

/// Policies of both directions and their SAs, in transport mode.
pub fn healthy() -> Observation {
    let policies =
        vec![between(Direction::Out, 1, 2, template(0)), between(Direction::In, 2, 1, template(0))];
    let sas = vec![sa(0x1001, 1, 2), sa(0x1002, 2, 1)];
    let mut observation = Observation::default();
    observation.host.local = vec![addr(1)];
    observation.before.tables = Tables { policies, sas, ..Tables::default() };
    observation.after.tables = observation.before.tables.clone();
    observation.seen = Some(Vec::new());
    observation
}

/// Raises counters by these packets.
pub fn count(observation: &mut Observation, counters: &[(Counter, u64)]) {
    let lines: Vec<_> =
        counters.iter().map(|(it, packets)| format!("{} {packets}\n", it.word())).collect();
    observation.after.counters = CounterValues::parse(&lines.concat()).unwrap();
}

/// Lets an SA transform so many packets.
pub fn transform(observation: &mut Observation, spi: u32, packets: u64) {
    let mut sas = observation.after.tables.sas.iter_mut();
    sas.find(|entry| entry.sa.spi == Spi(spi)).unwrap().current.packets += packets;
}

/// Captures ESP of this SPI.
pub fn capture_esp(observation: &mut Observation, src: u8, dst: u8, spi: u32, count: u64) {
    let mut payload = spi.to_be_bytes().to_vec();
    payload.extend([0, 0, 0, 1]);
    capture(observation, 50, src, dst, &payload, count);
}

/// Captures a packet.
pub fn capture(
    observation: &mut Observation,
    protocol: u8,
    src: u8,
    dst: u8,
    payload: &[u8],
    count: u64,
) {
    let mut bytes =
        vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, src, 10, 0, 0, dst];
    bytes.extend(payload);
    let is_outgoing = observation.is_local(addr(src));
    let packet = SeenPacket::read(&bytes, is_outgoing, None).unwrap();
    observation.seen.get_or_insert_default().push(Seen { packet, count });
}
