use std::collections::HashMap;

use model::{PolicyEntry, SaEntry};

use super::Record;
use crate::state::fingerprint_secret::FingerprintSecret;

/// The entries that earlier runs have made.
#[derive(Debug)]
pub struct Owned {
    records: HashMap<String, Vec<Record>>,
    pub(crate) secret: FingerprintSecret,
}

impl Owned {
    pub(crate) fn new(records: Vec<Record>, secret: FingerprintSecret) -> Self {
        let mut by_name: HashMap<String, Vec<Record>> = HashMap::new();
        for record in records {
            by_name.entry(record.name.clone()).or_default().push(record);
        }
        Self { records: by_name, secret }
    }

    /// Whether an SA of the kernel is one of them.
    pub(crate) fn has_sa(&self, entry: &SaEntry) -> bool {
        self.has(&Record::of_sa_entry(entry, &self.secret))
    }

    /// Whether a policy of the kernel, as it was requested, is one of them.
    pub(crate) fn has_policy(&self, entry: &PolicyEntry) -> bool {
        self.has(&Record::of_policy_entry(entry))
    }

    /// What would be recorded of an SA.
    pub(crate) fn record_of_sa(&self, entry: &SaEntry) -> Record {
        Record::of_sa_entry(entry, &self.secret)
    }

    pub(crate) fn has(&self, entry: &Record) -> bool {
        self.of_name(entry).any(|record| record.is_of(entry))
    }

    pub(crate) fn of_name(&self, entry: &Record) -> impl Iterator<Item = &Record> {
        self.records.get(&entry.name).into_iter().flatten()
    }
}
