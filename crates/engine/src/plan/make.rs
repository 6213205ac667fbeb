use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use model::{Offer, Policy, PolicyEntry, PolicyId, SaMode, Variables};

use super::{
    gap::{offers, requiring},
    narrow::{EntryFilter, narrow},
    order::{self, Counterpart, Wanted},
    removal::Removal,
    requested::{RequestedTables, Unselected},
    same::{is_same_policy, keep_numbers},
    sas::{self, SaSteps},
    scope::PlanScope,
    step::Step,
};
use crate::{
    Engine, Error,
    policy::{
        entry::{Installed, Requested},
        installed::{optional_tunnel, to_install},
        tunnels::Tunnels,
    },
    sa::outer_header,
    state::owned::{Owned, Record},
};

/// The changes that make the kernel have what files describe, in their order.
#[derive(Debug, Default)]
pub struct Plan {
    /// The changes.
    pub steps: Vec<Step>,
    /// What the kernel has otherwise than the files describe, and what may not be touched.
    pub conflicts: Vec<Step>,
    /// What the kernel has otherwise than the files describe, where the filter selects only one of the two.
    pub crossing: Vec<Step>,
    /// What the files describe and the filter does not select.
    pub unselected: Unselected,
    /// The SAs that no file describes and that stay, larval ones too.
    pub staying_sas: usize,
    /// The policies that no file describes and that stay.
    pub staying_policies: usize,
    /// The entries that are as the files describe them and may not be touched: [`Engine::record_owned`] makes them own,
    /// unless they are removed from here.
    pub adopted: Adopted,
    /// The tunnels of the policies that will be there.
    pub(super) tunnels: Tunnels,
}

/// Entries that are as files describe them, and another program's.
#[derive(Debug, Default)]
pub struct Adopted(pub(crate) Vec<Record>);

/// A policy of the kernel, as it was requested and as it is installed, and its age: the oldest is 0.
type AgedPolicy = (usize, (Requested, Installed));

impl Engine {
    /// Compares the SAD and SPD with what files describe. Nothing is changed. With `owned`, other entries than these
    /// are not touched. With a filter, the plan is about the entries that it selects, of the files and of the
    /// kernel; no other entry is touched.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Run`].
    pub fn plan(
        &mut self,
        requested: &RequestedTables,
        removal: Removal,
        owned: Option<&Owned>,
        filter: Option<&dyn EntryFilter>,
    ) -> Result<Plan, Error> {
        self.flush(&mut |_, _| Ok(()))?;
        let variables = self.host.variables_or_kernels()?;
        let sas = self.sas()?.collect::<Result<Vec<_>, _>>()?;
        let policies = self.policies_by_age()?;
        let installed = policies.iter().map(|(_, (Requested(entry), _))| &entry.policy);
        let (requested, unselected) = match filter {
            None => (Cow::Borrowed(requested), Unselected::default()),
            Some(filter) => {
                let (part, unselected) = narrow(requested, filter, &sas, installed);
                (Cow::Owned(part), unselected)
            }
        };
        let requested = &*requested;
        let scope = PlanScope { requested, removal, owned, filter };
        let (removed, policies): (Vec<_>, Vec<_>) = policies
            .into_iter()
            .partition(|(_, (Requested(entry), _))| scope.removes_policy(entry));
        let (tunnels, staying_policies) = tunnels(requested, &policies);
        let fitted = self.fitted(requested, &tunnels, &variables);
        let sas = sas::steps(&scope, fitted, sas);
        let offers = offers(&sas.replaced);
        let (described, others) = policies
            .into_iter()
            .partition(|(_, (Requested(entry), _))| requested.has_policy(&entry.policy.id));
        let policies = self.counterparts(described, &offers, &variables);
        let mut plan = Plan { unselected, staying_policies, tunnels, ..Plan::default() };
        let wanted = plan.wanted(&scope, policies);
        let removed = removed.into_iter().map(|(age, (Requested(entry), _))| (age, entry));
        let removed: Vec<_> = removed.collect();
        let staying = staying(&scope, others, &offers);
        let (requiring, mut policies) = require_meanwhile(&wanted, &staying, &removed, &offers);
        policies.extend(order::steps(wanted, removed));
        plan.add_steps(sas, requiring, policies);
        Ok(plan)
    }

    /// The policies of the SPD, the oldest first.
    fn policies_by_age(&mut self) -> Result<Vec<AgedPolicy>, Error> {
        let mut policies = self.policies()?.collect::<Result<Vec<_>, _>>()?;
        policies.retain(|(policy, _)| !policy.socket);
        policies.reverse();
        Ok(policies.into_iter().enumerate().collect())
    }

    /// The policies of the kernel that have the names of requested ones.
    fn counterparts(
        &self,
        described: Vec<AgedPolicy>,
        replaced: &[Offer],
        variables: &Variables,
    ) -> HashMap<PolicyId, Counterpart> {
        let counterpart = |(age, (Requested(entry), installed)): AgedPolicy| {
            let requiring = requiring(&entry, replaced);
            let is_same = self.is_as_installed(&entry.policy, &installed, variables);
            (entry.policy.id.clone(), Counterpart { entry, age, is_same, requiring })
        };
        described.into_iter().map(counterpart).collect()
    }

    /// The SAs as they will be installed, beside the policies that will be there.
    fn fitted(
        &self,
        requested: &RequestedTables,
        tunnels: &Tunnels,
        variables: &Variables,
    ) -> Vec<model::Sa> {
        let fit = |sa: &model::Sa| {
            let mut sa = sa.clone();
            if !self.options.dialect.is_bsd() {
                sa.mode = SaMode::Of(sa.mode.installed());
            } else if sa.mode.is_any() {
                sa.mode = tunnels.mode_for(&sa);
            }
            tunnels.widen(&mut sa);
            outer_header::choose(variables, &mut sa);
            sa
        };
        requested.sas.iter().map(fit).collect()
    }

    /// Whether the templates of a policy are installed as they have to be for these variables. Of optional outbound
    /// tunnels the reconciler decides.
    fn is_as_installed(
        &self,
        policy: &Policy,
        Installed(installed): &Installed,
        variables: &Variables,
    ) -> bool {
        let templates = policy.action.templates();
        if templates.iter().any(|it| optional_tunnel(policy, it, variables).is_some()) {
            return true;
        }
        let (_, installation) = to_install(policy, variables, None);
        self.in_dialect(policy, installation) == installed.installation
    }
}

impl Plan {
    /// The requested policies, each with the kernel's of its name, without those that may not be touched.
    fn wanted(
        &mut self,
        scope: &PlanScope<'_>,
        mut found: HashMap<PolicyId, Counterpart>,
    ) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for policy in scope.requested.policies() {
            let is_selected = scope.selects_policy(policy);
            let mut policy = policy.clone();
            let mut installed = found.remove(&policy.id);
            if let Some(Counterpart { entry, is_same, .. }) = &mut installed {
                keep_numbers(&mut policy, &entry.policy);
                *is_same &= is_same_policy(&policy, &entry.policy);
            }
            match installed {
                Some(Counterpart { entry, is_same, .. })
                    if !is_selected || !scope.selects_policy(&entry.policy) =>
                {
                    if !is_same {
                        let (installed, requested) = (Box::new(entry), Box::new(policy));
                        self.crossing.push(Step::UpdatePolicy { installed, requested });
                    }
                }
                Some(Counterpart { entry, is_same, .. }) if !scope.may_touch_policy(&entry) => {
                    if is_same {
                        self.adopted.0.push(Record::of_policy_entry(&entry));
                    } else {
                        let (installed, requested) = (Box::new(entry), Box::new(policy));
                        self.conflicts.push(Step::UpdatePolicy { installed, requested });
                    }
                }
                installed => wanted.push(Wanted { policy, installed }),
            }
        }
        wanted
    }

    /// Adds the steps of both tables in their order.
    fn add_steps(&mut self, sas: SaSteps, requiring: Vec<Step>, policies: Vec<Step>) {
        let SaSteps { first, replaced, last, conflicts, crossing, adopted, staying } = sas;
        self.steps = first;
        self.steps.extend(requiring);
        self.steps.extend(replaced);
        self.steps.extend(policies);
        self.steps.extend(last);
        self.conflicts.splice(..0, conflicts);
        self.crossing.splice(..0, crossing);
        self.adopted.0.extend(adopted);
        self.staying_sas = staying;
    }
}

/// The policies that stay although no file describes them, or the filter does not select them, but those that may not be
/// touched: if SAs are replaced, packets could pass one of them in clear meanwhile.
fn staying(scope: &PlanScope<'_>, others: Vec<AgedPolicy>, replaced: &[Offer]) -> Vec<Wanted> {
    if replaced.is_empty() {
        return Vec::new();
    }
    let others = others.into_iter().map(|(age, (Requested(entry), _))| (age, entry));
    let staying = others.filter(|(_, entry)| scope.may_touch_policy(entry)).map(|(age, entry)| {
        let (policy, requiring) = (entry.policy.clone(), requiring(&entry, replaced));
        Wanted { policy, installed: Some(Counterpart { entry, age, is_same: true, requiring }) }
    });
    staying.collect()
}

/// The changes after which no packet passes a policy in clear while SAs are replaced, also a policy that is to go
/// afterwards; and those after which the policies that are to stay as they are do not require an SA any more. Both are made of
/// all policies: a packet finds one of them, whether it is described or not.
fn require_meanwhile(
    wanted: &[Wanted],
    staying: &[Wanted],
    removed: &[(usize, PolicyEntry)],
    replaced: &[Offer],
) -> (Vec<Step>, Vec<Step>) {
    if replaced.is_empty() {
        return Default::default();
    }
    let meanwhile: Vec<_> = removed.iter().map(|(_, entry)| requiring(entry, replaced)).collect();
    let removed = removed.iter().zip(&meanwhile).map(|((age, entry), requiring)| order::Present {
        entry,
        age: *age,
        requiring: requiring.as_ref(),
    });
    let stay = wanted.iter().chain(staying).filter_map(Wanted::present);
    let required: Vec<_> = stay.chain(removed).collect();
    let installed = wanted.iter().chain(staying).filter_map(|it| it.installed.as_ref());
    let same: HashSet<_> = installed.filter(|it| it.is_same).map(|it| it.age).collect();
    let released = required.iter().map(|it| order::Present {
        requiring: it.requiring.filter(|_| same.contains(&it.age)),
        ..*it
    });
    let released = order::release(released.collect());
    (order::require(required), released)
}

/// The tunnels of the policies that will be there, and how many of them no file describes.
fn tunnels(requested: &RequestedTables, kept: &[AgedPolicy]) -> (Tunnels, usize) {
    let mut tunnels = Tunnels::default();
    let staying = kept.iter().map(|(_, (policy, _))| policy);
    let staying = staying.filter(|entry| !requested.has_policy(&entry.policy.id));
    let count = staying.map(|entry| tunnels.note(&entry.policy)).count();
    for policy in requested.policies() {
        tunnels.note(policy);
    }
    (tunnels, count)
}

impl Adopted {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
