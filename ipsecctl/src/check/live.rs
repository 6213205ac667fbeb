//! The kernel's own tables.

use std::collections::HashSet;

use engine::{Engine, EngineOptions, listeners};
use model::{Direction, PolicyEntry, PolicyId};

use super::{
    context::{CheckedHost, TablesInContext},
    entry::{EntrySource, PlacedFinding, PolicyAt, SaAt},
    kinds,
    tables::LoadedTables,
};
use crate::{Error, filter::Filter};

/// Reads the SAD and the SPD of this network namespace and looks at them.
pub fn findings(filter: &Filter) -> Result<Vec<PlacedFinding>, Error> {
    let mut engine = Engine::open(EngineOptions::default())?;
    let mut sas = engine.sas()?.collect::<Result<Vec<_>, _>>()?;
    let mut policies = engine.policies()?.collect::<Result<Vec<_>, _>>()?;
    // Dumps have the newest entry first.
    sas.reverse();
    policies.reverse();
    let sas = (1..).zip(sas);
    let sas = sas.map(|(number, entry)| SaAt {
        is_meant: filter.has_sa_entry(&entry),
        entry,
        origin: EntrySource::Kernel(number),
    });
    let policies = policies.into_iter().map(|(requested, _)| requested.0);
    let policies: Vec<_> = policies.filter(|entry| !entry.socket).collect();
    let tables = LoadedTables::new(sas.collect(), without_copies(policies, filter));
    let has_key_daemon = listeners().map_err(Error::Processes)?.of_acquires > 0;
    let surroundings = CheckedHost { is_live: true, has_key_daemon, ssh: None };
    let mut findings = kinds::findings(&TablesInContext::new(&tables, &surroundings));
    findings.retain(|finding| finding.is_meant);
    Ok(findings)
}

/// The policies, of which a `fwd` one is left out that is as its `in` policy: what is found is the same.
fn without_copies(policies: Vec<PolicyEntry>, filter: &Filter) -> Vec<PolicyAt> {
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
        is_meant: filter.has_policy_entry(&entry),
        has_copy: forwarded.contains(&in_direction(&entry.policy.id, Direction::Fwd)),
        policy: entry.policy,
        index: Some(entry.index),
        origin: EntrySource::Kernel(number),
    });
    policies.collect()
}
