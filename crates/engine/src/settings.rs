//! The host's variables, from outside.

use ipsec::{IpVersion, Setting, Spi, Variables};

use crate::{
    Error, Namespace, default_policy, host::Host, kept_variables::KeptVariables, namespace::Access,
    revise::revise,
};

/// What a change of the variables came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Policies that were written anew.
    pub policies: usize,
    /// SAs that keep the DF or ECN setting they were made with.
    pub old_sas: usize,
    /// SAs that were made anew.
    pub renewed_sas: usize,
    /// Whether a part holds only as long as nobody changes the SAD or SPD, since no daemon follows.
    pub needs_daemon: bool,
}

/// The values of this thread's network namespace. Anybody may read them.
///
/// Errors: [`Error::Store`].
pub fn variables() -> Result<Variables, Error> {
    Ok(KeptVariables::of(&Namespace::current()).values()?.clone())
}

/// Sets variables of this thread's network namespace, all or none of them, and makes them true of
/// what is in the SAD and SPD. With `renew_sas`, SAs whose DF or ECN setting is another are made
/// anew, with their keys, counters and replay state.
///
/// Errors: [`Error::Kernel`] without privilege, [`Error::SpiRange`], [`Error::Store`],
/// [`Error::Run`].
pub fn apply(settings: &[Setting], _renew_sas: bool) -> Result<Applied, Error> {
    let mut host = Host::open()?;
    host.namespace.make().map_err(Error::run)?;
    let _alone = host.namespace.lock(Access::Alone).map_err(Error::run)?;
    let before = host.variables.values()?.clone();
    let mut now = before.clone();
    for setting in settings {
        now.set(*setting);
    }
    let (Spi(min), Spi(max)) = now.spi_range();
    if min > max {
        return Err(Error::SpiRange { min, max });
    }
    host.variables.keep(&now)?;
    let applied = carry_out(&mut host, &before, &now);
    if applied.is_err() {
        // The first failure is the one to tell.
        let _ = host.variables.keep(&before);
        let _ = carry_out(&mut host, &now, &before);
    }
    applied
}

/// Makes the SAD and SPD what the variables say `now`.
fn carry_out(host: &mut Host, before: &Variables, now: &Variables) -> Result<Applied, Error> {
    default_policy::set_switch(host, before, now)?;
    default_policy::set_right(host)?;
    let revised = revise(host)?;
    let is_kept = IpVersion::ALL.into_iter().any(|version| now.discards_by_default(version))
        || !revised.tunnels.is_empty();
    Ok(Applied {
        policies: revised.policies,
        needs_daemon: is_kept && !host.namespace.has_daemon(),
        ..Applied::default()
    })
}
