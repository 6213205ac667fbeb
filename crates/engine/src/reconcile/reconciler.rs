use std::collections::HashSet;

use model::{Event, Mode, PolicyEntry, PolicyFlags, Sa, variable::DfBit};

use crate::{
    Error, Namespace,
    policy::installed::depends,
    policy::tunnels::Tunnel,
    reconcile::acquires::AcquireTimes,
    reconcile::default_policy,
    reconcile::df_rule,
    reconcile::policies::{Findings, reconcile},
    state::host::Host,
    state::lock::Access,
};

/// Keeps the SPD as it was requested, while SAs come and go and others change what is there.
///
/// It compares everything with everything each time, so it may be started, killed and called at
/// any time.
pub struct Reconciler {
    host: Host,
    /// The tunnels whose SAs decide what is installed.
    tunnels: HashSet<Tunnel>,
    /// The partial policies, by index.
    partial: HashSet<u32>,
    /// The number of policies at the last reconciliation.
    policies: usize,
    acquires: AcquireTimes,
    /// Whether a rule sets DF on outer headers, for the tunnels of the SAD.
    sets_df: bool,
}

/// The number of differences that were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reconciled {
    /// The number of policies that were replaced.
    pub policies: usize,
    /// Catch-alls of the default policy that were added or deleted.
    pub catch_alls: usize,
    /// The rule that sets DF on outer headers was replaced.
    pub df_rule: bool,
}

impl Reconciler {
    /// Opens a connection to the kernel of this network namespace.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            host: Host::open()?,
            tunnels: HashSet::new(),
            partial: HashSet::new(),
            policies: 0,
            acquires: AcquireTimes::default(),
            sets_df: false,
        })
    }

    /// The netlink port that its changes come from: [`model::Origin::pid`] of their events.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.host.kernel.port()
    }

    /// The network namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.host.namespace
    }

    /// The host's variables, as they are now.
    ///
    /// Errors: [`Error::Run`], [`Error::Kernel`].
    pub fn variables(&mut self) -> Result<model::Variables, Error> {
        self.host.variables()
    }

    /// Makes the SPD agree with what was requested, and the rule for DF with the SAD.
    pub fn reconcile(&mut self) -> Result<Reconciled, Error> {
        // Where no directory can be made, nothing is kept.
        let _ = self.host.namespace.make();
        let _alone = self.host.namespace.lock(Access::Exclusive)?;
        self.host.rebuild_variables()?;
        let catch_alls = default_policy::reconcile(&mut self.host)?;
        let Findings { policies, tunnels, partial, all, failure } = reconcile(&mut self.host)?;
        (self.tunnels, self.partial, self.policies) = (tunnels, partial, all);
        self.acquires.keep_only(&self.partial);
        self.sets_df = self.host.variables()?.df_bit() == DfBit::Set;
        let df_rule = self.sets_df && df_rule::reconcile(&mut self.host)?;
        failure.map_or(Ok(Reconciled { policies, catch_alls, df_rule }), Err)
    }

    /// Whether there are policies whose SAs are to be requested when packets use them.
    #[must_use]
    pub fn has_partial_policies(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Requests the SAs that partial policies lack of the key managers, if packets have used the
    /// policies since the last request has expired. Returns the number of these policies.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn acquire_sas(&mut self) -> Result<usize, Error> {
        self.acquires.send(&mut self.host, &self.partial, self.policies)
    }

    /// How many tunnels there are whose SAs decide what the kernel holds.
    #[must_use]
    pub fn optional_tunnels(&self) -> usize {
        self.tunnels.len()
    }

    /// Whether events of SAs may concern it ([`Reconciler::concerns`]), as of the last reconciliation.
    #[must_use]
    pub fn depends_on_sas(&self) -> bool {
        !self.tunnels.is_empty() || self.sets_df
    }

    /// Whether an event may have made something wrong.
    #[must_use]
    pub fn concerns(&self, event: &Event) -> bool {
        match event {
            Event::SaAdded { entry, .. }
            | Event::SaUpdated { entry, .. }
            | Event::SaDeleted { entry, .. }
            | Event::SaExpired { entry, hard: true, .. } => self.serves(&entry.sa),
            Event::SadFlushed { .. } => self.depends_on_sas(),
            Event::PolicyAdded { entry, origin } | Event::PolicyUpdated { entry, origin } => {
                origin.pid != self.host.kernel.port() && self.may_be_wrong(entry)
            }
            Event::PolicyDeleted { entry, .. } | Event::PolicyExpired { entry, hard: true, .. } => {
                self.may_be_wrong(entry)
            }
            Event::SpdFlushed { .. }
            | Event::CatchAllDeleted { .. }
            | Event::Migrated(_)
            | Event::MonitorLost => true,
            Event::SaExpired { .. }
            | Event::Acquire(_)
            | Event::PolicyExpired { .. }
            | Event::MappingChanged(_)
            | Event::SaCounted(_)
            | Event::Reported { .. }
            | Event::Other { .. } => false,
        }
    }

    fn serves(&self, sa: &Sa) -> bool {
        (sa.mode.installed() == Mode::Tunnel && self.tunnels.contains(&(sa.proto, sa.ends)))
            || (self.sets_df && df_rule::concerns(sa))
    }

    /// Whether the policy, or what is kept of the one that it replaces, may be wrong.
    fn may_be_wrong(&self, entry: &PolicyEntry) -> bool {
        entry.policy.flags.contains(PolicyFlags::LOCAL_OK)
            || depends(&entry.policy)
            || self.partial.contains(&entry.index)
    }
}
