use cli::{
    Keys, PolicyJson, SaJson,
    json::{Document, Fingerprints},
};
use engine::Namespace;

use super::DumpEntry;
use crate::options::{CommandLine, Database, Task};

/// The JSON of a dump.
pub struct Json {
    /// What was read so far.
    pub document: Document,
    keys: Keys,
    fingerprints: Fingerprints,
}

impl Json {
    /// Of no entry yet.
    pub fn new(command: &CommandLine) -> Self {
        let keys = command.format.keys;
        let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
        let mut document = Document::default();
        match command.mode {
            Task::Dump(Database::Sad) => {
                document.sas = Some(Vec::new());
                document.fingerprint_scope = Some(fingerprints.scope());
            }
            Task::Dump(Database::Spd) => document.policies = Some(Vec::new()),
            _ => {}
        }
        Self { document, keys, fingerprints }
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: &DumpEntry) {
        let Self { document, keys, fingerprints } = self;
        match entry {
            DumpEntry::Sa(entry) => {
                document.sas.get_or_insert_default().push(SaJson::new(entry, *keys, fingerprints));
            }
            DumpEntry::Policy(entry, _) => {
                document.policies.get_or_insert_default().push(PolicyJson::new(entry));
            }
        }
    }
}
