use std::collections::HashSet;

use ipsec::{Mode, PolicyEntry, Sa};
use xfrm::Event;

use crate::{
    Error, Namespace, default_policy, hold::depends, host::Host, namespace::Access, revise::revise,
    tunnels::Tunnel,
};

/// Keeps the SPD as it was asked for, while SAs come and go and others change what is there.
///
/// It compares everything with everything each time, so it may be started, killed and called at
/// any time.
pub struct Caretaker {
    host: Host,
    /// The tunnels whose SAs decide what the kernel holds.
    tunnels: HashSet<Tunnel>,
}

/// What was not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetRight {
    /// Policies that were written anew.
    pub policies: usize,
    /// Catch-alls of the default policy that were added or deleted.
    pub catch_alls: usize,
}

impl Caretaker {
    /// Opens the way to the kernel of this network namespace.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { host: Host::open()?, tunnels: HashSet::new() })
    }

    /// The network namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.host.namespace
    }

    /// The host's variables, as they are now.
    pub fn variables(&mut self) -> Result<&ipsec::Variables, Error> {
        Ok(self.host.variables.values()?)
    }

    /// Makes the SPD what it should be.
    pub fn set_right(&mut self) -> Result<SetRight, Error> {
        self.host.namespace.make().map_err(Error::run)?;
        let _alone = self.host.namespace.lock(Access::Alone).map_err(Error::run)?;
        let catch_alls = default_policy::set_right(&mut self.host)?;
        let revised = revise(&mut self.host)?;
        self.tunnels = revised.tunnels;
        Ok(SetRight { policies: revised.policies, catch_alls })
    }

    /// Whether an event may have made something wrong.
    #[must_use]
    pub fn concerns(&self, event: &Event) -> bool {
        match event {
            Event::SaAdded { entry, .. }
            | Event::SaUpdated { entry, .. }
            | Event::SaDeleted { entry, .. }
            | Event::SaExpired { entry, hard: true, .. } => self.serves(&entry.sa),
            Event::SadFlushed { .. } => !self.tunnels.is_empty(),
            Event::PolicyAdded { entry, origin } | Event::PolicyUpdated { entry, origin } => {
                origin.pid != self.host.kernel.port() && may_be_wrong(entry)
            }
            Event::PolicyDeleted { entry, .. } | Event::PolicyExpired { entry, hard: true, .. } => {
                may_be_wrong(entry)
            }
            Event::SpdFlushed { .. } | Event::CatchAllDeleted { .. } | Event::MonitorLost => true,
            Event::SaExpired { .. }
            | Event::Acquire(_)
            | Event::PolicyExpired { .. }
            | Event::MappingChanged(_)
            | Event::Migrated(_)
            | Event::Other { .. } => false,
        }
    }

    fn serves(&self, sa: &Sa) -> bool {
        sa.mode == Mode::Tunnel && self.tunnels.contains(&(sa.proto, sa.ends))
    }
}

fn may_be_wrong(entry: &PolicyEntry) -> bool {
    entry.form.is_partial || depends(&entry.policy)
}
