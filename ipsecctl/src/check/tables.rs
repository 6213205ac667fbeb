//! The SAD and SPD that scripts make, or that the kernel has.

use std::{collections::HashMap, net::IpAddr, num::NonZeroU32};

use engine::EntryFilter;
use model::{
    Current, Dialect, Direction, Mode, Operation, Policy, PolicyId, Proto, Sa, SaEntry, SaFlags,
    SaId, SaMode, SaState, Spi,
};

use super::entry::{EntrySource, PolicyAt, SaAt};
use crate::filter::Filter;

/// What is there when all was loaded.
#[derive(Debug, Default)]
pub struct LoadedTables {
    /// The SAs, oldest first.
    pub sas: Vec<SaAt>,
    /// The policies, in the order of look-up.
    pub policies: Vec<PolicyAt>,
}

/// Follows the operations of scripts.
#[derive(Debug)]
pub struct Loader {
    dialect: Dialect,
    forward_copies: bool,
    filter: Filter,
    sas: Vec<Option<SaAt>>,
    by_name: HashMap<(IpAddr, Proto, Spi), Vec<usize>>,
    policies: Vec<Option<PolicyAt>>,
    by_id: HashMap<PolicyId, usize>,
}

impl Loader {
    /// Empty tables.
    pub fn new(dialect: Dialect, forward_copies: bool, filter: Filter) -> Self {
        let (sas, by_name) = (Vec::new(), HashMap::new());
        let (policies, by_id) = (Vec::new(), HashMap::new());
        Self { dialect, forward_copies, filter, sas, by_name, policies, by_id }
    }

    /// Whether there is an entry of another script than the one at this place of the command line.
    pub fn has_entries_of_others(&self, file: usize) -> bool {
        let is_other = |origin: &EntrySource| matches!(origin, EntrySource::Statement { file: of, .. } if *of != file);
        self.sas.iter().flatten().any(|sa| is_other(&sa.origin))
            || self.policies.iter().flatten().any(|policy| is_other(&policy.origin))
    }

    /// Carries out an operation as the kernel would; what it refuses has no effect.
    pub fn operation(&mut self, operation: &Operation, origin: &EntrySource) {
        match operation {
            Operation::AddSa(sa) => self.add_sa(sa, origin),
            Operation::UpdateSa(sa) => {
                self.delete_sa(&sa.id(), None);
                self.add_sa(sa, origin);
            }
            Operation::DeleteSa(id, if_id) => self.delete_sa(id, *if_id),
            Operation::DeleteAllSa(group) => self.retain_sas(|sa| !group.contains(sa)),
            Operation::FlushSad(proto) => {
                self.retain_sas(|sa| proto.is_some_and(|proto| proto != sa.proto));
            }
            Operation::AddPolicy(policy) => {
                if !self.by_id.contains_key(&policy.id) {
                    self.set_policy(policy, origin);
                }
            }
            Operation::UpdatePolicy(policy) => self.set_policy(policy, origin),
            Operation::DeletePolicy(id) => {
                if let Some(at) = self.by_id.remove(id) {
                    self.policies[at] = None;
                }
            }
            Operation::FlushSpd(kind) => {
                self.policies
                    .retain(|it| it.as_ref().is_some_and(|it| it.policy.id.policy_type != *kind));
                let ids = self.policies.iter().enumerate();
                self.by_id =
                    ids.filter_map(|(at, it)| Some((it.as_ref()?.policy.id.clone(), at))).collect();
            }
            Operation::WithoutForwardCopy(operation) => {
                let copies = std::mem::replace(&mut self.forward_copies, false);
                self.operation(operation, origin);
                self.forward_copies = copies;
            }
            Operation::GetSpi(_)
            | Operation::GetSa(..)
            | Operation::DumpSad(_)
            | Operation::DumpSpd => {}
        }
    }

    /// The tables, which are empty from now on.
    pub fn take(&mut self) -> LoadedTables {
        self.by_name.clear();
        self.by_id.clear();
        let sas = std::mem::take(&mut self.sas).into_iter().flatten().collect();
        let policies = std::mem::take(&mut self.policies).into_iter().flatten().collect();
        LoadedTables::new(sas, policies)
    }

    fn add_sa(&mut self, sa: &Sa, origin: &EntrySource) {
        let SaId { dst, proto, spi, mark } = sa.id();
        let same = self.by_name.entry((dst, proto, spi)).or_default();
        // Another script's SA of the same name is a finding, not a refusal of this script's statement.
        let refuses = |at: &&usize| {
            let other = self.sas[**at].as_ref();
            other.is_some_and(|other| {
                let of = other.entry.sa.mark;
                mark.value & mark.mask & of.mask == of.value
                    && is_of_same_file(&other.origin, origin)
            })
        };
        if same.iter().find(refuses).is_some() {
            return;
        }
        same.push(self.sas.len());
        let entry = SaEntry::new(as_loaded(sa, self.dialect), SaState::Mature, Current::default());
        let is_meant = self.filter.has_sa_entry(&entry);
        self.sas.push(Some(SaAt { entry, origin: origin.clone(), is_meant }));
    }

    fn delete_sa(&mut self, id: &SaId, if_id: Option<Option<NonZeroU32>>) {
        let Some(same) = self.by_name.get(&(id.dst, id.proto, id.spi)) else { return };
        let found = same.iter().find(|at| {
            self.sas[**at].as_ref().is_some_and(|at| {
                let sa = &at.entry.sa;
                let answers = id.mark.value & id.mark.mask & sa.mark.mask == sa.mark.value;
                answers && if_id.is_none_or(|if_id| sa.if_id == if_id)
            })
        });
        if let Some(&at) = found {
            self.sas[at] = None;
        }
    }

    fn retain_sas(&mut self, is_kept: impl Fn(&Sa) -> bool) {
        for at in &mut self.sas {
            if at.as_ref().is_some_and(|it| !is_kept(&it.entry.sa)) {
                *at = None;
            }
        }
    }

    fn set_policy(&mut self, policy: &Policy, origin: &EntrySource) {
        let has_copy = self.forward_copies && policy.id.direction == Direction::In;
        let entry = Some(PolicyAt {
            policy: policy.clone(),
            has_copy,
            index: None,
            origin: origin.clone(),
            is_meant: self.filter.selects_policy(policy),
        });
        if let Some(&at) = self.by_id.get(&policy.id) {
            self.policies[at] = entry;
        } else {
            self.by_id.insert(policy.id.clone(), self.policies.len());
            self.policies.push(entry);
        }
    }
}

impl LoadedTables {
    /// The tables of SAs and policies, both oldest first.
    pub fn new(sas: Vec<SaAt>, mut policies: Vec<PolicyAt>) -> Self {
        policies.sort_by_key(|it| it.policy.priority);
        Self { sas, policies }
    }
}

fn is_of_same_file(one: &EntrySource, other: &EntrySource) -> bool {
    match (one, other) {
        (EntrySource::Statement { file: one, .. }, EntrySource::Statement { file: other, .. }) => {
            one == other
        }
        _ => true,
    }
}

/// The SA as the engine adds it: without `-m` in transport mode, and a tunnel for packets of both IP versions.
fn as_loaded(sa: &Sa, dialect: Dialect) -> Sa {
    let mut sa = sa.clone();
    if !dialect.is_bsd() {
        sa.mode = SaMode::Of(sa.mode.installed());
    }
    if sa.mode.is_any() || sa.mode.installed() == Mode::Tunnel {
        sa.flags = sa.flags | SaFlags::ANY_FAMILY;
    }
    sa
}
