//! Imported entries as statements.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use cli::script::{Incomplete, SequenceNumbers};
use engine::{GivenFlags, Transfer};
use model::Variables;
use zeroize::Zeroizing;

use super::Imported;
use crate::export::setkey::{ScriptSettings, statements};

/// Writes the script: a statement an entry, or a comment if none adds it.
pub fn write(
    imported: &Imported,
    counters: SequenceNumbers,
    out: &mut impl Write,
) -> io::Result<(Transfer, Incomplete)> {
    let given = GivenFlags::of_policies(imported.policies.iter());
    let (variables, unserved) = (Variables::default(), HashSet::new());
    let settings = ScriptSettings { counters, given, variables, unserved };
    statements(&imported.sas, imported.policies.iter(), settings, out)
}

/// A script in memory, which is wiped also as it grows.
#[derive(Default)]
pub struct Wiped(pub Zeroizing<Vec<u8>>);

impl Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let room = (2 * self.0.capacity()).max(self.0.len() + bytes.len()).max(1 << 16);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
