//! The kernel's tables, and which entries of them are meant.

use cli::json::Fingerprints;
use engine::{Namespace, Snapshot, snapshot};
use model::{Direction, IpVersion, Keyed, PolicyEntry, SaEntry};

use crate::{Error, filter::Filter};

/// A policy, as it was requested and as it is installed.
pub struct ExportedPolicy {
    pub requested: PolicyEntry,
    pub installed: PolicyEntry,
}

/// SAs and policies, oldest first; without the policies of sockets.
pub struct ExportedTables {
    pub sas: Vec<SaEntry>,
    pub policies: Vec<ExportedPolicy>,
    /// Where the default policy discards.
    pub catch_alls: Vec<(IpVersion, Direction)>,
}

/// The options that select entries.
pub struct ExportSelection<'a> {
    filter: &'a Filter,
    fingerprints: Fingerprints,
}

impl<'a> ExportSelection<'a> {
    pub fn new(filter: &'a Filter) -> Self {
        let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
        Self { filter, fingerprints }
    }

    pub fn has_sa(&self, sa: &SaEntry) -> bool {
        self.filter.has_sa_entry(sa)
    }

    /// The fingerprints of the keys of an SA: another one of its name has others.
    pub fn fingerprints_of(&self, SaEntry { sa, .. }: &SaEntry) -> Vec<Option<String>> {
        let of = |keyed: &Option<Keyed>| {
            keyed.as_ref().and_then(|keyed| self.fingerprints.of(&keyed.key))
        };
        [&sa.crypt, &sa.auth, &sa.aead].map(of).to_vec()
    }
}

impl ExportedTables {
    /// Reads the tables.
    ///
    /// Errors: [`Error::Engine`], without CAP_NET_ADMIN too.
    pub fn read(selection: &ExportSelection<'_>) -> Result<Self, Error> {
        let Snapshot { mut policies, mut requested, mut sas, catch_alls, .. } = snapshot()?;
        sas.reverse();
        policies.reverse();
        sas.retain(|sa| selection.has_sa(sa));
        policies.retain(|policy| selection.filter.has_policy_entry(policy));
        let both = |installed: PolicyEntry| {
            let requested = requested.remove(&installed.index).map(|requested| requested.0);
            ExportedPolicy { requested: requested.unwrap_or_else(|| installed.clone()), installed }
        };
        Ok(Self { sas, policies: policies.into_iter().map(both).collect(), catch_alls })
    }
}

/// An SA, in messages.
pub fn name_of_sa(entry: &SaEntry) -> String {
    let sa = &entry.sa;
    format!("{} SA {:#x} to {}", sa.proto.word(), sa.spi.0, sa.ends.dst())
}

/// A policy, in messages.
pub fn name_of_policy(entry: &PolicyEntry) -> String {
    let id = &entry.policy.id;
    let (src, dst) = (id.selector.src(), id.selector.dst());
    format!(
        "policy {}/{} to {}/{} {}",
        src.addr(),
        src.length(),
        dst.addr(),
        dst.length(),
        id.direction.word()
    )
}
