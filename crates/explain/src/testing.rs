//! Entries for the tests of this crate.

use std::net::IpAddr;

use model::{
    Action, AddressPair, Current, Direction, HashTable, Installation, Mode, Policy, PolicyEntry,
    PolicyId, Prefix, Priority, Proto, Sa, SaEntry, SaState, SadInfo, Selector, Spi, Template,
};

use crate::{Flow, Tables, first_inexact};

pub fn addr(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

/// UDP from 10.0.0.1, port 1000, to 10.0.0.2, port 53.
pub fn flow() -> Flow {
    let mut flow = Flow::new(addr(1), addr(2)).unwrap();
    (flow.upper, flow.src_port, flow.dst_port) = (Some(17), Some(1000), Some(53));
    flow
}

pub fn ends(src: u8, dst: u8) -> AddressPair {
    AddressPair::new(addr(src), addr(dst)).unwrap()
}

/// A policy between 10.0.0.0 and itself, with prefixes of these lengths.
pub fn policy(
    direction: Direction,
    lengths: (u32, u32),
    action: Action,
    index: u32,
) -> PolicyEntry {
    let prefix = |last, len| Prefix::new(addr(last), Some(len)).unwrap();
    let selector = Selector::new(prefix(1, lengths.0), prefix(2, lengths.1)).unwrap();
    let policy = Policy {
        priority: Priority(100),
        ..Policy::new(PolicyId::new(selector, direction), action)
    };
    let installation = Installation::plain(&policy);
    PolicyEntry { policy, installation, index, socket: false, current: Current::default() }
}

/// A policy for all packets with these templates.
pub fn ipsec(direction: Direction, templates: &[Template]) -> PolicyEntry {
    policy(direction, (0, 0), Action::Ipsec(templates.to_vec()), 8)
}

pub fn sa(spi: u32, mode: Mode, ends: AddressPair) -> SaEntry {
    let sa = Sa { mode: mode.into(), ..Sa::bare(ends, Proto::Esp, Spi(spi)) };
    SaEntry::new(sa, SaState::Mature, Current::default())
}

/// Tables of the size that the kernel begins with.
pub fn tables(policies: Vec<PolicyEntry>, sas: Vec<SaEntry>) -> Tables {
    let table = HashTable { buckets: 8, max_buckets: 1 << 20 };
    let tables = Tables { policies, sas, sad: SadInfo { sas: 0, table }, ..Tables::default() };
    Tables { first_inexact: first_inexact(&tables.policies, tables.spd), ..tables }
}
