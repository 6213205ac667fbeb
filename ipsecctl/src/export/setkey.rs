//! A script of setkey(8), as `setkey -D --script` and `setkey -DP --script` print it.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use cli::script::{Incomplete, PolicyScript, Reloaded, SaScript, SequenceNumbers};
use engine::{GivenFlags, Loss, Transfer};
use model::{Dialect, PolicyEntry, PolicyId, SaEntry, Variables};

use super::{
    losses::Losses,
    tables::{ExportedTables, name_of_policy, name_of_sa},
};

/// What decides how entries are written, and loaded.
pub struct ScriptSettings {
    /// What becomes of sequence numbers.
    pub counters: SequenceNumbers,
    /// The flags that SAs are given as they are loaded.
    pub given: GivenFlags,
    /// The variables of the host.
    pub variables: Variables,
    /// The policies with a tunnel that no SA serves ([`engine::unserved`]).
    pub unserved: HashSet<PolicyId>,
}

/// Writes the statements that add the entries.
pub fn write(
    tables: &ExportedTables,
    counters: SequenceNumbers,
    out: &mut impl Write,
    losses: &mut Losses,
) -> io::Result<()> {
    let policies = tables.policies.iter().map(|policy| &policy.requested);
    let variables = engine::variables().map_err(io::Error::other)?;
    let settings = ScriptSettings {
        counters,
        given: GivenFlags::of_host().map_err(io::Error::other)?,
        unserved: engine::unserved(&variables, policies.clone()).map_err(io::Error::other)?,
        variables,
    };
    let (written, incomplete) = statements(&tables.sas, policies, settings, out)?;
    losses.of_script(written, &incomplete);
    Ok(())
}

/// Writes a statement an entry, or a comment if none adds it.
pub fn statements<'e>(
    sas: &[SaEntry],
    policies: impl Iterator<Item = &'e PolicyEntry> + Clone,
    settings: ScriptSettings,
    out: &mut impl Write,
) -> io::Result<(Transfer, Incomplete)> {
    let (mut written, mut incomplete) = (Transfer::default(), Incomplete::default());
    let loss = |entry, reloaded| {
        match reloaded {
            Reloaded::Added => None,
            Reloaded::Flagged => Some("it is given a flag when the script is loaded"),
            Reloaded::Comment => Some("no statement adds it"),
        }
        .map(|reason: &str| Loss { entry, reason: reason.to_owned() })
    };
    let ScriptSettings { counters, given, variables, unserved } = settings;
    let script = SaScript { dialect: Dialect::Linux, counters, given };
    for sa in sas {
        let reloaded = script.write(out, sa)?;
        incomplete.count(reloaded);
        written.sas += usize::from(reloaded != Reloaded::Comment);
        written.omitted.extend(loss(name_of_sa(sa), reloaded));
    }
    let script =
        PolicyScript::new(Dialect::Linux, variables, policies.clone()).with_unserved(unserved);
    for policy in policies {
        let reloaded = script.write(out, policy)?;
        incomplete.count(reloaded);
        written.policies += usize::from(reloaded != Reloaded::Comment);
        written.omitted.extend(loss(name_of_policy(policy), reloaded));
    }
    Ok((written, incomplete))
}
