use std::net::IpAddr;

use model::{PolicyEntry, SaEntry, Spi};

use crate::Cause;

/// What a diagnosis is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Packets from and to this address, and the SAs and tunnels that end there.
    Peer(IpAddr),
    /// The SA of this SPI.
    Spi(Spi),
    /// The policy of this index.
    Policy(u32),
}

impl Subject {
    /// Whether a cause is about it.
    #[must_use]
    pub fn has(self, cause: &Cause<'_>) -> bool {
        let names = cause.names();
        let by_address = |addr| {
            names.addrs.contains(&addr)
                || names.sa.is_some_and(|entry| has_end(entry, addr))
                || names.policy.is_some_and(|entry| is_for(entry, addr))
        };
        match self {
            Subject::Peer(addr) => names.is_general || by_address(addr),
            Subject::Spi(spi) => {
                names.spi == Some(spi) || names.sa.is_some_and(|entry| entry.sa.spi == spi)
            }
            Subject::Policy(index) => names.policy.is_some_and(|entry| entry.index == index),
        }
    }
}

fn has_end(entry: &SaEntry, addr: IpAddr) -> bool {
    [entry.sa.ends.src(), entry.sa.ends.dst()].contains(&addr)
}

/// Whether packets of a policy are from or to an address, or to a tunnel that ends there.
pub fn is_for(entry: &PolicyEntry, addr: IpAddr) -> bool {
    let selector = &entry.policy.id.selector;
    let mut ends = entry.policy.action.templates().iter().filter_map(|it| it.mode.endpoints());
    selector.src().contains(addr)
        || selector.dst().contains(addr)
        || ends.any(|ends| [ends.src(), ends.dst()].contains(&addr))
}
