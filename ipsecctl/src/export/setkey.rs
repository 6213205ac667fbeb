//! A script of setkey(8), as `setkey -D --script` and `setkey -DP --script` print it.

use std::io::{self, Write};

use cli::script::{PolicyScript, SequenceNumbers, write_sa};
use engine::{Loss, Transfer};
use model::{Dialect, PolicyEntry, SaEntry};

use super::{
    losses::Losses,
    tables::{ExportedTables, name_of_policy, name_of_sa},
};

/// Writes the statements that add the entries.
pub fn write(
    tables: &ExportedTables,
    counters: SequenceNumbers,
    out: &mut impl Write,
    losses: &mut Losses,
) -> io::Result<()> {
    let policies = tables.policies.iter().map(|policy| &policy.requested);
    let Transfer { sas, policies, omitted } = statements(&tables.sas, policies, counters, out)?;
    losses.entries.sas += sas;
    losses.entries.policies += policies;
    losses.comments(omitted);
    Ok(())
}

/// Writes a statement an entry, or a comment if none adds it.
pub fn statements<'e>(
    sas: &[SaEntry],
    policies: impl Iterator<Item = &'e PolicyEntry> + Clone,
    counters: SequenceNumbers,
    out: &mut impl Write,
) -> io::Result<Transfer> {
    let mut written = Transfer::default();
    let comment = |entry| Loss { entry, reason: "no statement adds it".to_owned() };
    for sa in sas {
        if write_sa(out, sa, Dialect::Linux, counters)? {
            written.sas += 1;
        } else {
            written.omitted.push(comment(name_of_sa(sa)));
        }
    }
    let script = PolicyScript::new(Dialect::Linux, policies.clone());
    for policy in policies {
        if script.write(out, policy)? {
            written.policies += 1;
        } else {
            written.omitted.push(comment(name_of_policy(policy)));
        }
    }
    Ok(written)
}
