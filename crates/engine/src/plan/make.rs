use std::collections::HashMap;

use model::{Policy, PolicyId, SaMode, Variables};

use super::{
    gap::{offers, requiring},
    order::{self, Counterpart, Wanted},
    removal::Removal,
    requested::RequestedTables,
    same::{is_same_policy, keep_numbers},
    sas::{self, SaSteps},
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
};

/// The changes that make the kernel have what files describe, in their order.
#[derive(Debug, Default)]
pub struct Plan {
    /// The changes.
    pub steps: Vec<Step>,
    /// The SAs that no file describes and that stay, larval ones too.
    pub staying_sas: usize,
    /// The policies that no file describes and that stay.
    pub staying_policies: usize,
    /// The tunnels of the policies that will be there.
    pub(super) tunnels: Tunnels,
}

impl Engine {
    /// Compares the SAD and SPD with what files describe. Nothing is changed.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Run`].
    pub fn plan(&mut self, requested: &RequestedTables, removal: Removal) -> Result<Plan, Error> {
        self.flush(&mut |_, _| Ok(()))?;
        let variables = self.host.variables_or_kernels()?;
        let sas = self.sas()?.collect::<Result<Vec<_>, _>>()?;
        let mut policies = self.policies()?.collect::<Result<Vec<_>, _>>()?;
        policies.retain(|(policy, _)| !policy.socket);
        // The oldest first.
        policies.reverse();
        let (policies, removed): (Vec<_>, Vec<_>) =
            policies.into_iter().enumerate().partition(|(_, (Requested(entry), _))| {
                let id = &entry.policy.id;
                let is_whole = removal.is_whole(requested.has_all_policies(id.policy_type));
                requested.has_policy(id) || !is_whole
            });
        let mut tunnels = Tunnels::default();
        let staying = policies.iter().map(|(_, (policy, _))| policy);
        let staying = staying.filter(|entry| !requested.has_policy(&entry.policy.id));
        let staying_policies = staying.map(|entry| tunnels.note(&entry.policy)).count();
        for policy in &requested.policies {
            tunnels.note(policy);
        }
        let fitted = self.fitted(requested, &tunnels, &variables);
        let SaSteps { first, replaced, last, staying: staying_sas } =
            sas::steps(requested, fitted, sas, removal);
        let offers = offers(&replaced);
        let mut steps = first;
        let mut found: HashMap<PolicyId, Counterpart> = HashMap::new();
        for (age, (Requested(entry), installed)) in policies {
            let requiring = if offers.is_empty() { None } else { requiring(&entry, &offers) };
            if requested.has_policy(&entry.policy.id) {
                let is_same = self.is_as_installed(&entry.policy, &installed, &variables);
                let id = entry.policy.id.clone();
                found.insert(id, Counterpart { entry, age, is_same, requiring });
            }
        }
        let wanted = requested.policies.iter().map(|policy| {
            let mut policy = policy.clone();
            let mut installed = found.remove(&policy.id);
            if let Some(Counterpart { entry, is_same, .. }) = &mut installed {
                keep_numbers(&mut policy, &entry.policy);
                *is_same &= is_same_policy(&policy, &entry.policy);
            }
            Wanted { policy, installed }
        });
        let removed = removed.into_iter().map(|(age, (Requested(entry), _))| (age, entry));
        let policy_steps = order::steps(wanted.collect(), removed.collect());
        steps.extend(policy_steps.first);
        steps.extend(replaced);
        steps.extend(policy_steps.then);
        steps.extend(last);
        Ok(Plan { steps, staying_sas, staying_policies, tunnels })
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
