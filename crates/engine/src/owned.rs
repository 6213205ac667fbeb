//! What `apply --owned` has made, and may change and delete: recorded beside the kernel, since neither an SA nor a
//! policy has room for it (docs/adr/0023-entries-of-apply.md). A record counts only while the entry is there that it
//! speaks of.

use model::Operation;
use sys::clock::unix_seconds;

use crate::{
    Engine, Error, FingerprintSecret, Plan, Step,
    state::owned::{Owned, Record},
    undo::images::Images,
};

/// For so many seconds from its announcement an entry may be added, where no one has recorded that it was.
const ANNOUNCED: u64 = 600;
/// How far the kernel's clock may be from ours when it stamps an entry, in seconds.
const CLOCK_SLACK: u64 = 2;

/// What would be recorded of each entry of the tables.
fn all<'a>(tables: &'a Images, secret: &'a FingerprintSecret) -> impl Iterator<Item = Record> + 'a {
    let sas = tables.sas.iter().map(|image| Record::of_sa_entry(image.entry(), secret));
    sas.chain(tables.requested.iter().map(Record::of_policy_entry))
}

/// The entries of the kernel that are among those of a run, each with its time and index.
fn among(owned: &Owned, tables: &Images) -> Vec<Record> {
    all(tables, &owned.secret).filter(|entry| owned.has(entry)).collect()
}

impl Engine {
    /// Reads which entries earlier runs have made.
    pub fn owned(&mut self) -> Owned {
        Owned::new(self.host.owned.read(), self.host.namespace.fingerprint_secret())
    }

    /// Records what a plan is about to add or replace, before it does: if this process is killed, what it has made is
    /// its own all the same.
    ///
    /// Errors: [`Error::Run`], [`Error::Store`].
    pub fn announce(&mut self, plan: &Plan) -> Result<(), Error> {
        let secret = self.host.namespace.fingerprint_secret();
        let now = unix_seconds();
        let added = (now.saturating_sub(CLOCK_SLACK), now + ANNOUNCED);
        let operations = plan.steps.iter().flat_map(Step::operations);
        let record = |operation| match operation {
            Operation::AddSa(sa) | Operation::UpdateSa(sa) => {
                Some(Record::of_sa(&sa, &secret, added))
            }
            Operation::AddPolicy(policy) | Operation::UpdatePolicy(policy) => {
                Some(Record::of_policy(&policy, added))
            }
            _ => None,
        };
        let records: Vec<Record> = operations.filter_map(record).collect();
        self.host.owned.announce(&records)
    }

    /// Records which entries are this program's, those of the plan too, as the kernel has them now.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Run`], [`Error::Store`].
    pub fn record_owned(&mut self, plan: &Plan) -> Result<(), Error> {
        let owned = self.owned();
        let tables = Images::read(&mut self.host)?;
        let mut records = among(&owned, &tables);
        // As in the plan, but for what has changed since.
        let adopted = Owned::new(plan.adopted.0.clone(), owned.secret.clone());
        records.extend(among(&adopted, &tables));
        self.host.owned.replace(&records, unix_seconds())
    }

    /// The entries of the tables that are this program's: nothing is read where there is no record.
    pub(crate) fn owned_among(&mut self, tables: &Images) -> Vec<Record> {
        let records = self.host.owned.read();
        if records.is_empty() {
            return Vec::new();
        }
        among(&Owned::new(records, self.host.namespace.fingerprint_secret()), tables)
    }

    /// Records those of `before` that are there, after changes were undone: a policy that is restored has another time.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Run`], [`Error::Store`].
    pub(crate) fn record_restored(&mut self, before: Vec<Record>) -> Result<(), Error> {
        if before.is_empty() && self.host.owned.read().is_empty() {
            return Ok(());
        }
        let tables = Images::read(&mut self.host)?;
        let before = Owned::new(before, self.host.namespace.fingerprint_secret());
        let is_there = |entry: &Record| before.of_name(entry).any(|record| record.is_like(entry));
        let records: Vec<Record> = all(&tables, &before.secret).filter(is_there).collect();
        self.host.owned.replace(&records, unix_seconds())
    }
}
