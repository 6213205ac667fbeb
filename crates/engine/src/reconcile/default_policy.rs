//! What becomes of packets that no policy matches: catch-alls at the end of the SPD.
//!
//! The kernel has a switch of its own, one for both IP versions. It is set as well while both are
//! to be dropped, since it outlives a flush.

use model::{Direction, IpVersion, Variables};
use rustix::io::Errno;
use xfrm::{Batch, Change, KernelRefusal};

use crate::{Error, policy::catch_alls::catch_alls, state::host::Host};

/// What becomes of packets of one IP version and direction that no policy matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultPolicy {
    /// The version.
    pub version: IpVersion,
    /// The direction.
    pub direction: Direction,
    /// Whether they are to be dropped (`def_policy`).
    pub discards: bool,
    /// Whether the kernel's own default policy drops them; `None`: the kernel has none.
    pub kernel_discards: Option<bool>,
    /// Whether what is to become of them is what becomes of them now: other programs may have emptied
    /// the SPD, or set the kernel's default policy.
    pub in_force: bool,
}

/// Reads it, for both versions and all directions.
///
/// Errors: [`Error::Kernel`] without privilege, [`Error::Run`].
pub fn default_policies() -> Result<Vec<DefaultPolicy>, Error> {
    let mut host = Host::open()?;
    let variables = host.variables()?;
    let kernel = host.kernel.get_default()?.found();
    let mut policies = Vec::new();
    for version in IpVersion::ALL {
        let discards = variables.discards_by_default(version);
        for &direction in Direction::ALL {
            let kernel_discards = kernel.map(|default| default.discards(direction));
            // One is enough to drop packets; those to pass on the loopback interface need theirs too.
            let (mut has_any, mut has_all) = (false, true);
            for it in catch_alls(version).filter(|it| it.direction == direction) {
                let is_there = host.kernel.has_catch_all(it)?;
                (has_any, has_all) = (has_any || is_there, has_all && is_there);
            }
            let is_blocked = kernel_discards == Some(true);
            let in_force = if discards { has_all || is_blocked } else { !has_any && !is_blocked };
            policies.push(DefaultPolicy {
                version,
                direction,
                discards,
                kernel_discards,
                in_force,
            });
        }
    }
    Ok(policies)
}

/// Adds the catch-alls that are missing, and deletes those that should not be there. Returns their number.
pub fn reconcile(host: &mut Host) -> Result<usize, Error> {
    let variables = host.variables()?;
    let mut batch = host.kernel.batch();
    for version in IpVersion::ALL {
        let is_wanted = variables.discards_by_default(version);
        for it in catch_alls(version) {
            match (is_wanted, host.kernel.has_catch_all(it)?) {
                (true, false) => batch.push(&Change::SetCatchAll(it)),
                (false, true) => batch.push(&Change::DeleteCatchAll(it)),
                _ => {}
            }
        }
    }
    let changes = batch.len();
    send(host, &mut batch)?;
    Ok(changes)
}

/// Whether packets of both versions are dropped: then the kernel's own switch is on as well.
pub fn drops_all(variables: &Variables) -> bool {
    IpVersion::ALL.into_iter().all(|version| variables.discards_by_default(version))
}

/// Turns the kernel's own switch on or off. Kernels before 5.15 have none, and do without.
pub fn set_switch(host: &mut Host, block: bool) -> Result<(), Error> {
    let mut batch = host.kernel.batch();
    batch.push(&Change::SetDefault { block });
    host.kernel.send(&mut batch)?;
    Ok(())
}

fn send(host: &mut Host, batch: &mut Batch) -> Result<(), Error> {
    // What is to be deleted may have gone by a flush meanwhile.
    let is_wrong = |(_, refusal): &(usize, KernelRefusal)| refusal.errno != Errno::NOENT;
    match host.kernel.send(batch)?.into_iter().find(is_wrong) {
        None => Ok(()),
        Some((_, refusal)) => {
            let doing = "setting what becomes of packets that no policy matches";
            Err(xfrm::Error::Refused { doing, refusal }.into())
        }
    }
}
