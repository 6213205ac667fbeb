//! Imported entries as statements.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use cli::script::{Incomplete, SequenceNumbers};
use engine::{GivenFlags, Transfer};
use model::Variables;

use super::entries::Imported;
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
