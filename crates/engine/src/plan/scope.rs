//! Which entries of the kernel a plan may touch.

use model::{Policy, PolicyEntry, Sa, SaEntry, SaState};

use super::{narrow::EntryFilter, removal::Removal, requested::RequestedTables};
use crate::state::owned::Owned;

/// What files describe, and what becomes of the rest.
#[derive(Clone, Copy)]
pub struct PlanScope<'a> {
    pub requested: &'a RequestedTables,
    pub removal: Removal,
    /// The entries that may be touched; all without it.
    pub owned: Option<&'a Owned>,
    /// The entries that the plan is about; all without it.
    pub filter: Option<&'a dyn EntryFilter>,
}

impl PlanScope<'_> {
    pub fn selects_sa(&self, sa: &Sa) -> bool {
        self.filter.is_none_or(|filter| filter.selects_sa(sa))
    }

    pub fn selects_policy(&self, policy: &Policy) -> bool {
        self.filter.is_none_or(|filter| filter.selects_policy(policy))
    }

    pub fn may_touch_sa(&self, entry: &SaEntry) -> bool {
        self.owned.is_none_or(|owned| owned.has_sa(entry))
    }

    /// Whether a policy, as it was requested, may be replaced or deleted.
    pub fn may_touch_policy(&self, entry: &PolicyEntry) -> bool {
        self.owned.is_none_or(|owned| owned.has_policy(entry))
    }

    /// Whether an SA of which no file has the name is to go.
    pub fn removes_sa(&self, entry: &SaEntry) -> bool {
        self.removal.is_whole(self.requested.has_all_sas(entry.sa.proto))
            && entry.state != SaState::Larval
            && self.selects_sa(&entry.sa)
            && self.may_touch_sa(entry)
    }

    /// Whether a policy is to go.
    pub fn removes_policy(&self, entry: &PolicyEntry) -> bool {
        let id = &entry.policy.id;
        !self.requested.has_policy(id)
            && self.removal.is_whole(self.requested.has_all_policies(id.policy_type))
            && self.selects_policy(&entry.policy)
            && self.may_touch_policy(entry)
    }
}
