//! The kernel's own tables.

use std::{collections::HashSet, fs, io};

use engine::{Engine, Options};
use model::{Direction, PolicyEntry, PolicyId};

use super::{
    context::{Context, Surroundings},
    entry::{EntrySource, Finding, PolicyAt, SaAt},
    kinds,
    tables::Tables,
};
use crate::Error;

/// The sockets of netlink in this network namespace.
const SOCKETS: &str = "/proc/net/netlink";

/// `NETLINK_XFRM` (linux/netlink.h).
const XFRM: &str = "6";

/// The bit of the group of ACQUIREs (`XFRMNLGRP_ACQUIRE`, linux/xfrm.h).
const ACQUIRES: u32 = 1;

/// Reads the SAD and the SPD of this network namespace and looks at them.
pub fn findings() -> Result<Vec<Finding>, Error> {
    let mut engine = Engine::open(Options::default())?;
    let mut sas = engine.sas()?.collect::<Result<Vec<_>, _>>()?;
    let mut policies = engine.policies()?.collect::<Result<Vec<_>, _>>()?;
    // Dumps have the newest entry first.
    sas.reverse();
    policies.reverse();
    let sas = (1..).zip(sas);
    let sas = sas.map(|(number, entry)| SaAt { entry, origin: EntrySource::Kernel(number) });
    let policies = policies.into_iter().map(|(requested, _)| requested.0);
    let policies: Vec<_> = policies.filter(|entry| !entry.socket).collect();
    let tables = Tables::new(sas.collect(), without_copies(policies));
    let has_key_daemon = has_key_daemon().map_err(Error::Processes)?;
    let surroundings = Surroundings { is_live: true, has_key_daemon, ssh: None };
    Ok(kinds::findings(&Context::new(&tables, &surroundings)))
}

/// The policies, of which a `fwd` one is left out that is as its `in` policy: what is found is the same.
fn without_copies(policies: Vec<PolicyEntry>) -> Vec<PolicyAt> {
    let in_direction = |id: &PolicyId, direction| PolicyId { direction, ..id.clone() };
    let of = |direction| -> HashSet<PolicyId> {
        let ids = policies.iter().map(|entry| &entry.policy.id);
        ids.filter(|id| id.direction == direction).cloned().collect()
    };
    let (inbound, forwarded) = (of(Direction::In), of(Direction::Fwd));
    let numbered = (1..).zip(policies).filter(|(_, entry)| {
        let id = &entry.policy.id;
        id.direction != Direction::Fwd || !inbound.contains(&in_direction(id, Direction::In))
    });
    let policies = numbered.map(|(number, entry)| PolicyAt {
        has_copy: forwarded.contains(&in_direction(&entry.policy.id, Direction::Fwd)),
        policy: entry.policy,
        index: Some(entry.index),
        origin: EntrySource::Kernel(number),
    });
    policies.collect()
}

/// Whether a program receives the kernel's requests for SAs.
fn has_key_daemon() -> io::Result<bool> {
    Ok(receives_acquires(&fs::read_to_string(SOCKETS)?))
}

/// Whether a line of the table has a socket of XFRM in the group; the fields are address, protocol, port, groups.
fn receives_acquires(table: &str) -> bool {
    table.lines().skip(1).any(|line| {
        let fields: Vec<_> = line.split_whitespace().take(4).collect();
        let [_, protocol, _, groups] = fields[..] else { return false };
        protocol == XFRM
            && u32::from_str_radix(groups, 16).is_ok_and(|groups| groups & ACQUIRES != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_the_group_is_a_key_daemon() {
        let table = |protocol: &str, groups: &str| {
            format!(
                "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                 0000000000000000 {protocol}   1234       {groups} 0        0        0     2        0        4711\n"
            )
        };
        let is = |protocol, groups| receives_acquires(&table(protocol, groups));
        assert_eq!([is("6", "00000001"), is("6", "000000ff")], [true; 2]);
        assert_eq!([is("6", "00000002"), is("0", "00000001"), receives_acquires("")], [false; 3]);
    }
}
