//! The host's variables, from outside.

use model::{
    IpVersion, Setting, Spi, Variables,
    variable::{DfBit, Meaning},
};

use crate::{
    Error, Namespace,
    reconcile::default_policy,
    reconcile::df_rule,
    reconcile::policies::reconcile,
    sa::flag_update::Renewal,
    state::host::Host,
    state::lock::{self, Access},
    state::variables::{Contents, KeptVariables},
};

/// What a change of the variables came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// The number of policies that were replaced.
    pub policies: usize,
    /// SAs that keep another DF or ECN setting, the one they were made with.
    pub old_sas: usize,
    /// The number of SAs that were replaced.
    pub renewed_sas: usize,
    /// Whether a part is valid only until the SAD or SPD changes, since no daemon keeps it up to
    /// date.
    pub needs_daemon: bool,
}

/// The values of this thread's network namespace. Every user may read them. Those in a damaged file are
/// the initial ones, which is reported; the default policy is the kernel's, to a process that may read it.
///
/// Errors: [`Error::Run`].
pub fn variables() -> Result<Variables, Error> {
    let kept = KeptVariables::of(&Namespace::current());
    let initial = match kept.read()? {
        Contents::Values(variables) | Contents::Earlier(variables) => return Ok(variables),
        Contents::WithoutDefaultPolicy(variables, _) => variables,
        Contents::Damaged(reason) => {
            kept.warn_damaged(&reason);
            Variables::default()
        }
    };
    Ok(Host::open().and_then(|mut host| host.variables()).unwrap_or(initial))
}

/// Sets variables of this thread's network namespace, all or none of them, and makes them true of
/// what is in the SAD and SPD. With `renew_sas`, tunnel SAs whose DF or ECN setting is another than
/// these settings are replaced, with their keys, counters and replay state. That overrides what
/// a script set with `-flag`: the kernel does not know where a flag came from.
///
/// After an error the variables are what they were; SAs that were replaced by then stay so.
///
/// Errors: [`Error::Kernel`] without privilege, [`Error::SpiRange`], [`Error::NoDfRule`],
/// [`Error::DfIsNotWritten`], [`Error::Store`], [`Error::Run`].
pub fn apply(settings: &[Setting], renew_sas: bool) -> Result<Applied, Error> {
    let mut host = Host::open()?;
    host.namespace.make()?;
    let _alone = host.namespace.require_lock(Access::Exclusive, lock::LIMIT)?;
    host.rebuild_variables()?;
    let before = host.variables()?;
    let mut now = before.clone();
    for setting in settings {
        now.set(*setting);
    }
    let (Spi(min), Spi(max)) = now.spi_range();
    if min > max {
        return Err(Error::SpiRange { min, max });
    }
    // What the host may be unable to do comes before anything is kept.
    if settings.iter().any(sets_df) {
        df_rule::probe()?;
    }
    follow_df_bit(&mut host, &before, &now)?;
    let change = Change { settings, before: &before, now: &now, renew_sas };
    let applied = change.carry_out(&mut host);
    if applied.is_err() {
        // The first failure is the one to report.
        let _ =
            Change { before: &now, now: &before, renew_sas: false, ..change }.carry_out(&mut host);
        let _ = follow_df_bit(&mut host, &now, &before);
    }
    applied
}

fn sets_df(setting: &Setting) -> bool {
    setting.variable().meaning == Meaning::DfBit && setting.value() == 1
}

/// Makes the rule that sets DF what the variables say `now`.
fn follow_df_bit(host: &mut Host, before: &Variables, now: &Variables) -> Result<(), Error> {
    match (before.df_bit(), now.df_bit()) {
        (_, DfBit::Set) => df_rule::reconcile(host).map(drop),
        (DfBit::Set, _) => df_rule::remove(),
        _ => Ok(()),
    }
}

/// A change of the variables.
#[derive(Clone, Copy)]
struct Change<'a> {
    settings: &'a [Setting],
    before: &'a Variables,
    now: &'a Variables,
    renew_sas: bool,
}

impl Change<'_> {
    /// Keeps the variables, and makes the SAD and SPD what they say.
    fn carry_out(self, host: &mut Host) -> Result<Applied, Error> {
        let Change { settings, before, now, renew_sas } = self;
        // The switch is never on while the variables are not: no program would turn it off.
        let [was_on, is_on] = [before, now].map(default_policy::drops_all);
        if was_on && !is_on {
            default_policy::set_switch(host, false)?;
        }
        host.kept_variables.keep(now)?;
        if is_on && !was_on {
            default_policy::set_switch(host, true)?;
        }
        default_policy::reconcile(host)?;
        let findings = reconcile(host)?.agree()?;
        let renewal = Renewal { settings, variables: now };
        let renewed_sas = if renew_sas { renewal.carry_out(&mut host.kernel)? } else { 0 };
        let is_kept = IpVersion::ALL.into_iter().any(|version| now.discards_by_default(version))
            || !findings.tunnels.is_empty()
            || now.df_bit() == DfBit::Set;
        Ok(Applied {
            policies: findings.policies,
            old_sas: renewal.count(&mut host.kernel)?,
            renewed_sas,
            needs_daemon: is_kept && !host.namespace.has_daemon(),
        })
    }
}
