//! Makes the SPD agree with what was requested, after variables or SAs have changed.

use std::collections::HashSet;

use model::{Direction, Installation, Policy, PolicyFlags, Proto, Variables};
use tracing::warn;
use xfrm::{Batch, Change, InstalledPolicy};

use crate::{
    Error,
    policy::entry::{Installed, Requested},
    policy::installed::{TunnelSas, depends, optional_tunnel, to_install},
    policy::tunnels::Tunnel,
    reconcile::conflicts::ConflictDetector,
    state::host::Host,
    state::store::Record,
};

/// How often to begin again when others change more at once than can be received.
const TRIES: u32 = 3;

/// The result of a reconciliation.
#[derive(Debug, Default)]
pub struct Findings {
    /// Records could not be kept: some policies are installed otherwise than they should be.
    pub failure: Option<Error>,
    /// The number of policies that were replaced.
    pub policies: usize,
    /// The tunnels whose SAs decide what is installed.
    pub tunnels: HashSet<Tunnel>,
    /// The partial policies, by index.
    pub partial: HashSet<u32>,
    /// The number of policies in the SPD, those of sockets included.
    pub all: usize,
}

impl Findings {
    /// Errors: [`Findings::failure`].
    pub fn agree(self) -> Result<Self, Error> {
        match self.failure {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

/// Replaces the policies that are installed otherwise than they should be. Each is replaced at once (`xfrm_policy_insert`): no packet finds none.
///
/// The caller is alone with the SPD, as far as xfrm-tools are concerned.
pub fn reconcile(host: &mut Host) -> Result<Findings, Error> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match Reconciliation::begin(host).and_then(|reconciliation| reconciliation.carry_out(host))
        {
            Err(Error::Kernel(xfrm::Error::RepliesLost)) if tries > 0 => {}
            result => return result,
        }
    }
}

/// How a policy is to be installed, with the inbound templates of IPComp optional that a BSD's script has made
/// so, whatever their levels ([`model::Dialect::lets_in_without`]).
fn keep_lenient(
    policy: &Policy,
    installation: Installation,
    installed: &Installed,
) -> Installation {
    // What comes in is never partial: the templates have the same places.
    let is_inbound = policy.id.direction != Direction::Out;
    installation.and_optional(policy, |place, template| {
        is_inbound && template.proto == Proto::IpComp && installed.installation.is_optional(place)
    })
}

struct Reconciliation {
    conflicts: ConflictDetector,
    findings: Findings,
    mismatches: Vec<Mismatch>,
}

/// A policy that is installed otherwise than it should be.
struct Mismatch {
    /// What is to be installed, and how.
    policy: Policy,
    installation: Installation,
    requested: Requested,
    installed: Installed,
}

impl Reconciliation {
    /// Finds the mismatches.
    fn begin(host: &mut Host) -> Result<Self, Error> {
        let conflicts = ConflictDetector::new(host.kernel.port())?;
        let variables = host.variables()?;
        let mut reconciliation =
            Self { conflicts, findings: Findings::default(), mismatches: Vec::new() };
        let entries = reconciliation.read(host, &variables)?;
        let has_optional_tunnels = !reconciliation.findings.tunnels.is_empty();
        let sas = has_optional_tunnels.then(|| TunnelSas::read(&mut host.kernel)).transpose()?;
        // Dumps give what was written last first: the oldest is written first.
        for (installed, requested) in entries.into_iter().rev() {
            let (policy, installation) = to_install(&requested.policy, &variables, sas.as_ref());
            let installation = keep_lenient(&policy, installation, &installed);
            if policy.action.templates() != installed.policy.action.templates()
                || installation != requested.installation
            {
                let policy = policy.into_owned();
                reconciliation.mismatches.push(Mismatch {
                    policy,
                    installation,
                    requested,
                    installed,
                });
            }
        }
        Ok(reconciliation)
    }

    /// Reads the policies that depend on variables or SAs, installed and requested.
    fn read(
        &mut self,
        host: &mut Host,
        variables: &Variables,
    ) -> Result<Vec<(Installed, Requested)>, Error> {
        let mut entries = Vec::new();
        let mut records = host.store.records();
        for entry in host.kernel.dump_spd()? {
            self.findings.all += 1;
            let installed = match entry {
                Ok(entry) => Installed(entry),
                // None of ours: those can be read.
                Err(xfrm::Error::Malformed(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            let may_be_partial = installed.policy.flags.contains(PolicyFlags::LOCAL_OK);
            if installed.socket || !(may_be_partial || depends(&installed.policy)) {
                continue;
            }
            let requested = records.requested(installed.clone());
            if requested.installation.is_partial {
                self.findings.partial.insert(installed.index);
            } else if !depends(&installed.policy) {
                continue;
            }
            let templates = requested.policy.action.templates().iter();
            let tunnels =
                templates.filter_map(|it| optional_tunnel(&requested.policy, it, variables));
            self.findings.tunnels.extend(tunnels);
            entries.push((installed, requested));
        }
        Ok(entries)
    }

    /// Replaces the mismatched policies, but for those that others have changed since they were read.
    fn carry_out(mut self, host: &mut Host) -> Result<Findings, Error> {
        self.conflicts.listen()?;
        let (conflicts, mismatches) = (&self.conflicts, &mut self.mismatches);
        mismatches.retain(|mismatch| conflicts.agrees(&mismatch.installed));
        self.conflicts.forget();
        self.keep(host);
        let mut batch = host.kernel.batch();
        let mut sent = Vec::new();
        for mismatch in std::mem::take(&mut self.mismatches) {
            if self.conflicts.knows_of(&mismatch.installed.policy.id) {
                continue;
            }
            let installed = InstalledPolicy {
                policy: &mismatch.policy,
                installation: mismatch.installation,
                index: mismatch.installed.index,
            };
            batch.push(&Change::UpdatePolicy(installed));
            sent.push(mismatch);
            if batch.is_full() {
                self.send(host, &mut batch, &mut sent)?;
            }
        }
        self.send(host, &mut batch, &mut sent)?;
        let partial = &self.findings.partial;
        let has_optional_tunnels = !self.findings.tunnels.is_empty();
        let cleaned = host.store.keep_only(|index| partial.contains(&index));
        let cleaned =
            cleaned.and_then(|()| host.store.set_has_optional_tunnels(has_optional_tunnels));
        if let Err(error) = cleaned {
            // A record without its policy does not count.
            host.store.warn(&error);
        }
        Ok(self.findings)
    }

    /// Keeps what is to be left out, before the kernel forgets it. Where that fails, the policies stay
    /// as they are.
    fn keep(&mut self, host: &mut Host) {
        let becomes_partial =
            |it: &&Mismatch| it.installation.is_partial && !it.requested.installation.is_partial;
        let news = || self.mismatches.iter().filter(becomes_partial);
        let records = news()
            .map(|mismatch| Record::new(mismatch.installed.index, &mismatch.requested.policy))
            .collect::<Vec<_>>();
        let kept = if records.is_empty() { Ok(()) } else { host.store.keep(&records) };
        match kept {
            Ok(()) => self.findings.partial.extend(records.iter().map(|record| record.index)),
            Err(error) => {
                self.mismatches.retain(|mismatch| !becomes_partial(&mismatch));
                self.findings.failure = Some(error);
            }
        }
    }

    /// Sends a batch of replacements, and takes back those that came too late.
    fn send(
        &mut self,
        host: &mut Host,
        batch: &mut Batch,
        sent: &mut Vec<Mismatch>,
    ) -> Result<(), Error> {
        let mut refused = host.kernel.send(batch)?.into_iter().peekable();
        for (place, mismatch) in sent.drain(..).enumerate() {
            // A policy that the kernel will not have in another form is left as it is.
            let installation = if let Some((_, refusal)) = refused.next_if(|(at, _)| *at == place) {
                warn!(policy = ?mismatch.policy.id, %refusal, "a policy cannot be replaced");
                mismatch.requested.installation
            } else {
                self.findings.policies += 1;
                mismatch.installation
            };
            if !installation.is_partial {
                self.findings.partial.remove(&mismatch.installed.index);
            }
        }
        self.conflicts.listen()?;
        self.conflicts.take_back(host)
    }
}
