use std::collections::HashSet;

use model::{Operation, PolicyId, PolicyType, Proto, SaId};
use xfrm::Change;

/// The SAs and policies that a run may have added, changed or deleted: a change may have been refused.
#[derive(Default)]
pub(crate) struct Journal {
    sas: HashSet<SaId>,
    protocols: Vec<Proto>,
    has_flushed_sad: bool,
    policies: HashSet<PolicyId>,
    flushed_spds: HashSet<PolicyType>,
}

impl Journal {
    pub(crate) fn note(&mut self, change: &Change<'_>) {
        match change {
            Change::AddSa(sa) | Change::UpdateSa(sa) => drop(self.sas.insert(sa.id())),
            Change::RestoreSa(image) => drop(self.sas.insert(image.entry().sa.id())),
            Change::DeleteSa(id) => drop(self.sas.insert(*id)),
            Change::FlushSad(None | Some(Proto::Any)) => self.has_flushed_sad = true,
            Change::FlushSad(Some(proto)) => self.protocols.push(*proto),
            Change::AddPolicy(installed) | Change::UpdatePolicy(installed) => {
                self.policies.insert(installed.policy.id.clone());
            }
            Change::RestorePolicy(image) | Change::RenewPolicy(image) => {
                self.policies.insert(image.entry().policy.id.clone());
            }
            Change::DeletePolicy(id) => drop(self.policies.insert((*id).clone())),
            Change::FlushSpd(kind) => drop(self.flushed_spds.insert(*kind)),
            Change::Migrate(_)
            | Change::SetCatchAll(_)
            | Change::DeleteCatchAll(_)
            | Change::SetDefault { .. }
            | Change::Acquire { .. } => {}
        }
    }

    /// Notes what an operation of a plan is about.
    pub(crate) fn note_operation(&mut self, operation: &Operation) {
        match operation {
            Operation::AddSa(sa) | Operation::UpdateSa(sa) => drop(self.sas.insert(sa.id())),
            Operation::DeleteSa(id, _) => drop(self.sas.insert(*id)),
            Operation::AddPolicy(policy) | Operation::UpdatePolicy(policy) => {
                self.policies.insert(policy.id.clone());
            }
            Operation::DeletePolicy(id) => drop(self.policies.insert(id.clone())),
            // No step of a plan is one of these.
            Operation::GetSpi(_)
            | Operation::GetSa(..)
            | Operation::DeleteAllSa(_)
            | Operation::FlushSad(_)
            | Operation::DumpSad(_)
            | Operation::FlushSpd(_)
            | Operation::DumpSpd
            | Operation::WithoutForwardCopy(_) => {}
        }
    }

    /// Notes an SA that the kernel has added: a larval one.
    pub(crate) fn note_sa(&mut self, id: SaId) {
        self.sas.insert(id);
    }

    pub(crate) fn has_sa(&self, id: &SaId) -> bool {
        self.has_flushed_sad || self.protocols.contains(&id.proto) || self.sas.contains(id)
    }

    pub(crate) fn has_policy(&self, id: &PolicyId) -> bool {
        self.flushed_spds.contains(&id.policy_type) || self.policies.contains(id)
    }
}
