use std::collections::{BTreeMap, HashMap};

use model::{Described, Operation, Policy, PolicyId, PolicyType, Proto, Sa, SaId};

use crate::policy::forward::forward_copy;

/// The SAs and policies that files describe, in their order.
#[derive(Debug, Clone, Default)]
pub struct RequestedTables {
    pub(super) sas: Vec<Sa>,
    /// By their age: one that is replaced is the youngest, as in a dump.
    policies: BTreeMap<usize, Policy>,
    sa_places: HashMap<SaId, Place>,
    policy_places: HashMap<PolicyId, Place>,
    flushed_sads: Vec<Option<Proto>>,
    flushed_spds: Vec<PolicyType>,
}

/// Where an entry is in its table, and the number of its statement.
#[derive(Debug, Clone, Copy)]
struct Place {
    index: usize,
    statement: usize,
}

/// The entries of files that a filter does not select.
#[derive(Debug, Default)]
pub struct Unselected {
    /// SAs.
    pub sas: Vec<Sa>,
    /// Policies, forward copies too.
    pub policies: Vec<Policy>,
}

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is part of the state.
    Taken,
    /// The statement of this number describes an entry of the same name.
    TwiceWith(usize),
    /// It is no part of a state.
    NoState,
}

impl RequestedTables {
    /// Adds what a statement describes. With `forward_copies`, an `in` policy describes its `fwd` copy, too. A
    /// flush describes that its table has nothing else.
    pub fn add(&mut self, statement: usize, operation: &Operation, forward_copies: bool) -> Added {
        match operation.described() {
            Some(Described::Sa { sa, replaces }) => self.add_sa(statement, sa.clone(), replaces),
            Some(Described::Policy { policy, replaces, may_have_copy }) => {
                let forward_copies = forward_copies && may_have_copy;
                self.add_policies(statement, policy.clone(), forward_copies, replaces)
            }
            Some(Described::WholeSad(proto)) => {
                self.flushed_sads.push(proto);
                Added::Taken
            }
            Some(Described::WholeSpd(kind)) => {
                self.flushed_spds.push(kind);
                Added::Taken
            }
            None => Added::NoState,
        }
    }

    fn add_sa(&mut self, statement: usize, sa: Sa, replaces: bool) -> Added {
        match self.sa_places.get(&sa.id()) {
            Some(place) if replaces => self.sas[place.index] = sa,
            Some(place) => return Added::TwiceWith(place.statement),
            None => {
                let place = Place { index: self.sas.len(), statement };
                self.sa_places.insert(sa.id(), place);
                self.sas.push(sa);
            }
        }
        Added::Taken
    }

    fn add_policies(
        &mut self,
        statement: usize,
        policy: Policy,
        forward_copies: bool,
        replaces: bool,
    ) -> Added {
        let copy = forward_copy(&policy).filter(|_| forward_copies);
        for policy in std::iter::once(policy).chain(copy) {
            let index = self.policies.last_key_value().map_or(0, |(last, _)| last + 1);
            let mut place = Place { index, statement };
            if let Some(before) = self.policy_places.get(&policy.id) {
                if !replaces {
                    return Added::TwiceWith(before.statement);
                }
                self.policies.remove(&before.index);
                place.statement = before.statement;
            }
            self.policy_places.insert(policy.id.clone(), place);
            self.policies.insert(index, policy);
        }
        Added::Taken
    }

    /// The entries that are selected, and the others. What flushes describe stays.
    pub(super) fn divided(
        &self,
        has_sa: impl Fn(&Sa) -> bool,
        has_policy: impl Fn(&Policy) -> bool,
    ) -> (Self, Unselected) {
        let (sas, other_sas) = self.sas.iter().cloned().partition(|sa| has_sa(sa));
        let policies = self.policies.iter().map(|(&index, policy)| (index, policy.clone()));
        let (policies, other_policies): (BTreeMap<_, _>, BTreeMap<_, _>) =
            policies.partition(|(_, policy)| has_policy(policy));
        let mut part = Self {
            sas,
            policies,
            flushed_sads: self.flushed_sads.clone(),
            flushed_spds: self.flushed_spds.clone(),
            ..Self::default()
        };
        for (index, sa) in part.sas.iter().enumerate() {
            let place = Place { index, ..self.sa_places[&sa.id()] };
            part.sa_places.insert(sa.id(), place);
        }
        for policy in part.policies.values() {
            part.policy_places.insert(policy.id.clone(), self.policy_places[&policy.id]);
        }
        let policies = other_policies.into_values().collect();
        (part, Unselected { sas: other_sas, policies })
    }

    /// The policies, the oldest first.
    pub(super) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values()
    }

    pub(super) fn has_sa(&self, id: &SaId) -> bool {
        self.sa_places.contains_key(id)
    }

    pub(super) fn has_policy(&self, id: &PolicyId) -> bool {
        self.policy_places.contains_key(id)
    }

    /// Whether a file begins with a flush of the SAs of a protocol: it describes all of them.
    pub(super) fn has_all_sas(&self, proto: Proto) -> bool {
        let is_of_ipsec = matches!(proto, Proto::Esp | Proto::Ah | Proto::IpComp);
        let mut flushed = self.flushed_sads.iter();
        flushed.any(|flushed| flushed.map_or(is_of_ipsec, |flushed| flushed == proto))
    }

    /// Whether a file begins with a flush of the policies of a type: it describes all of them.
    pub(super) fn has_all_policies(&self, kind: PolicyType) -> bool {
        self.flushed_spds.contains(&kind)
    }
}
