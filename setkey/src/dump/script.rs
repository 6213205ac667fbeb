use std::io::{self, Write};

use model::{Dialect, Direction, Level, Policy, PolicyEntry, SaEntry, SaState};

use pfkey::dump::Frame;

/// An SA as the statement that adds it. What is no statement of this language stands in a comment.
pub fn write_script_sa(out: &mut impl Write, entry: &SaEntry, frame: &Frame) -> io::Result<()> {
    if entry.state == SaState::Larval {
        return writeln!(out, "# larval: {} to {}", entry.sa.proto.word(), entry.sa.ends.dst());
    }
    let grammar::Written { text, lost } = grammar::script_of_sa(&entry.sa);
    if entry.sa.mode.is_any() && frame.dialect.is_bsd() {
        writeln!(out, "# the mode is that of its policy")?;
    }
    write_lost(out, &lost)?;
    // Without what is lost it would be another SA.
    let comment = if lost.is_empty() { "" } else { "# " };
    writeln!(out, "{comment}{}", *text)
}

/// A policy as the statement that adds it; those of sockets cannot be.
pub fn write_script_policy(
    out: &mut impl Write,
    entry: &PolicyEntry,
    frame: &Frame,
) -> io::Result<()> {
    if entry.socket {
        let direction = entry.policy.id.direction;
        return writeln!(out, "# a socket's own policy, {}", direction.word());
    }
    let (policy, numbers) = in_dialect(entry, frame.dialect);
    let grammar::Written { text, lost } = grammar::script_of_policy(&policy);
    write_lost(out, &[lost, numbers].concat())?;
    // The `in` policy before it may have made one already, unless setkey -k loads this.
    match text.strip_prefix("spdadd") {
        Some(rest) if entry.policy.id.direction == Direction::Fwd => {
            writeln!(out, "spdupdate{rest}")
        }
        _ => writeln!(out, "{}", *text),
    }
}

/// The policy whose statement means the same in a dialect, and what is lost of it. An optional template
/// whose level is stricter than `use` was a BSD's: the other dialects write `use`.
fn in_dialect(entry: &PolicyEntry, dialect: Dialect) -> (Policy, Vec<String>) {
    let (mut policy, mut lost) = (entry.policy.clone(), Vec::new());
    let direction = policy.id.direction;
    if entry.installation.is_partial {
        // The form is that of the part which the kernel holds: other requests have these places.
        return (policy, lost);
    }
    for (place, request) in policy.action.templates_mut().iter_mut().enumerate() {
        if !entry.installation.is_optional(place)
            || dialect.lets_in_without(direction, request.proto)
        {
            continue;
        }
        match request.level {
            Level::Default | Level::Use => {}
            Level::Require | Level::Unique(None) => request.level = Level::Use,
            Level::Unique(Some(reqid)) => {
                lost.push(format!("unique:{}", reqid.number()));
                request.level = Level::Use;
            }
        }
    }
    (policy, lost)
}

fn write_lost(out: &mut impl Write, lost: &[String]) -> io::Result<()> {
    if lost.is_empty() { Ok(()) } else { writeln!(out, "# without: {}", lost.join(", ")) }
}
