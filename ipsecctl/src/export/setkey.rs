//! A script of setkey(8), as `setkey -D --script` and `setkey -DP --script` print it.

use std::io::{self, Write};

use cli::script::{Incomplete, PolicyScript, Restored, SaScript, SequenceNumbers};
use engine::{GivenFlags, Loss, Transfer};
use model::{Dialect, PolicyEntry, SaEntry, Variables};

use super::{
    losses::Losses,
    tables::{ExportedTables, name_of_policy, name_of_sa},
};

/// What decides how entries are written, and loaded.
pub struct Context {
    /// What becomes of sequence numbers.
    pub counters: SequenceNumbers,
    /// The flags that SAs are given as they are loaded.
    pub given: GivenFlags,
    /// The variables of the host.
    pub variables: Variables,
}

/// Writes the statements that add the entries.
pub fn write(
    tables: &ExportedTables,
    counters: SequenceNumbers,
    out: &mut impl Write,
    losses: &mut Losses,
) -> io::Result<()> {
    let policies = tables.policies.iter().map(|policy| &policy.requested);
    let context = Context {
        counters,
        given: GivenFlags::of_host().map_err(io::Error::other)?,
        variables: engine::variables().map_err(io::Error::other)?,
    };
    let (written, incomplete) = statements(&tables.sas, policies, context, out)?;
    losses.of_script(written, &incomplete);
    Ok(())
}

/// Writes a statement an entry, or a comment if none adds it.
pub fn statements<'e>(
    sas: &[SaEntry],
    policies: impl Iterator<Item = &'e PolicyEntry> + Clone,
    context: Context,
    out: &mut impl Write,
) -> io::Result<(Transfer, Incomplete)> {
    let (mut written, mut incomplete) = (Transfer::default(), Incomplete::default());
    let loss = |entry, restored| {
        match restored {
            Restored::Added => None,
            Restored::Flagged => Some("it is given a flag when the script is loaded"),
            Restored::Comment => Some("no statement adds it"),
        }
        .map(|reason: &str| Loss { entry, reason: reason.to_owned() })
    };
    let Context { counters, given, variables } = context;
    let script = SaScript { dialect: Dialect::Linux, counters, given };
    for sa in sas {
        let restored = script.write(out, sa)?;
        incomplete.count(restored);
        written.sas += usize::from(restored != Restored::Comment);
        written.omitted.extend(loss(name_of_sa(sa), restored));
    }
    let script = PolicyScript::new(Dialect::Linux, variables, policies.clone());
    for policy in policies {
        let restored = script.write(out, policy)?;
        incomplete.count(restored);
        written.policies += usize::from(restored != Restored::Comment);
        written.omitted.extend(loss(name_of_policy(policy), restored));
    }
    Ok((written, incomplete))
}
