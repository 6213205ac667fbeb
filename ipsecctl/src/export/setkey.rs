//! A script of setkey(8), as `setkey -D --script` and `setkey -DP --script` print it.

use std::io::{self, Write};

use cli::script::{Counters, PolicyScript, write_sa};
use model::Dialect;

use super::{losses::Losses, tables::Tables};

/// Writes the statements that add the entries.
pub fn write(
    tables: &Tables,
    counters: Counters,
    out: &mut impl Write,
    losses: &mut Losses,
) -> io::Result<()> {
    let mut comments = 0;
    for sa in &tables.sas {
        comments += usize::from(!write_sa(out, sa, Dialect::Linux, counters)?);
    }
    let policies = tables.policies.iter().map(|policy| &policy.requested);
    let script = PolicyScript::new(Dialect::Linux, policies.clone());
    for policy in policies {
        comments += usize::from(!script.write(out, policy)?);
    }
    losses.comments(comments);
    Ok(())
}
