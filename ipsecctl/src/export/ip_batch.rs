//! Lines for `ip -batch`, which add what the kernel has.

use std::io::{self, Write};

use cli::script::SequenceNumbers;
use iproute2::batch::{self, BatchLine};
use model::{ReplayState, SaEntry, SaState};

use super::{
    losses::Losses,
    tables::{ExportedTables, name_of_policy, name_of_sa},
};

/// Writes the lines.
pub fn write(
    tables: &ExportedTables,
    counters: SequenceNumbers,
    out: &mut dyn Write,
    losses: &mut Losses,
) -> io::Result<()> {
    for entry in &tables.sas {
        losses.entries.sas += usize::from(write_sa(entry, counters, out, losses)?);
    }
    for policy in &tables.policies {
        let entry = &policy.installed;
        let line = batch::policy(&entry.policy, entry.installation);
        if policy.requested != *entry {
            let what = "a template is not installed now, and is not here";
            losses.note(out, format_args!("{}: {what}", name_of_policy(entry)))?;
        }
        let is_written = write_line(&line, &name_of_policy(entry), out, losses)?;
        losses.entries.policies += usize::from(is_written);
    }
    for (version, direction) in &tables.catch_alls {
        let what = "the default policy discards, which ip cannot set";
        losses.note(out, format_args!("{what}: {version} {}", direction.word()))?;
    }
    Ok(())
}

/// Writes an SA; false if it is a comment.
fn write_sa(
    entry: &SaEntry,
    counters: SequenceNumbers,
    out: &mut dyn Write,
    losses: &mut Losses,
) -> io::Result<bool> {
    if entry.state == SaState::Larval {
        losses.entry(out, name_of_sa(entry), "larval: it has no keys yet")?;
        return Ok(false);
    }
    let mut sa = entry.sa.clone();
    if counters == SequenceNumbers::Left {
        sa.replay_state = ReplayState::default();
    }
    let mut line = batch::sa(&sa);
    if counters == SequenceNumbers::Left && entry.has_sent_in_counter_mode() {
        line.lost.push("it has sent packets with this key: use a new one, or --counters".into());
    }
    write_line(&line, &name_of_sa(entry), out, losses)
}

/// Writes a line, or a comment if it would add something else; then it is false.
fn write_line(
    BatchLine { text, lost, unused, altered }: &BatchLine,
    name: &str,
    out: &mut dyn Write,
    losses: &mut Losses,
) -> io::Result<bool> {
    let without = [unused.as_slice(), altered].concat();
    if !without.is_empty() {
        writeln!(out, "# without: {}", without.join(", "))?;
    }
    if lost.is_empty() {
        if !altered.is_empty() {
            losses.altered(name, format_args!("added without {}", altered.join(", ")));
        }
        writeln!(out, "{}", **text)?;
        return Ok(true);
    }
    losses.entry(out, name, lost.join(", "))?;
    writeln!(out, "# {}", **text)?;
    Ok(false)
}
