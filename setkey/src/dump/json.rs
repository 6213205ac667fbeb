use std::io::{self, Write};

use cli::{
    Keys, PolicyJson, SaJson,
    json::{Document, DocumentStream, Fingerprints},
};
use engine::Namespace;

use super::DumpEntry;
use crate::options::{CommandLine, Database};

/// The JSON of a dump, an entry at a time.
pub struct Json {
    document: DocumentStream,
    has_begun: bool,
    keys: Keys,
    fingerprints: Fingerprints,
}

impl Json {
    /// Of no entry yet.
    pub fn new(command: &CommandLine) -> Self {
        let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
        let document = DocumentStream::default();
        Self { document, has_begun: false, keys: command.format.keys, fingerprints }
    }

    /// Prints an entry.
    pub fn push(&mut self, out: &mut impl Write, entry: &DumpEntry) -> io::Result<()> {
        match entry {
            DumpEntry::Sa(entry) => {
                self.begin(out, Database::Sad)?;
                let entry = SaJson::new(entry, self.keys, &self.fingerprints);
                self.document.element(out, &entry)
            }
            DumpEntry::Policy(entry, _) => {
                self.begin(out, Database::Spd)?;
                self.document.element(out, &PolicyJson::new(entry))
            }
        }
    }

    fn begin(&mut self, out: &mut impl Write, database: Database) -> io::Result<()> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        match database {
            Database::Sad => {
                let scope = Some(self.fingerprints.scope());
                let head = Document { fingerprint_scope: scope, ..Document::default() };
                self.document.members(out, &head)?;
                self.document.array(out, "sas")
            }
            Database::Spd => self.document.array(out, "policies"),
        }
    }

    /// Ends the document of a database, which may have no entry. Another one may follow.
    pub fn end(&mut self, out: &mut impl Write, database: Database) -> io::Result<()> {
        self.begin(out, database)?;
        self.document.end_array(out)?;
        self.has_begun = false;
        std::mem::take(&mut self.document).finish(out)
    }
}
