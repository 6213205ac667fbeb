use std::io::{self, Write};

use ipsec::{Direction, PolicyEntry, SaEntry, SaState};

use super::Frame;

/// An SA as the statement that adds it. What is no statement of this language stands in a comment.
pub fn write_script_sa(
    out: &mut impl Write,
    entry: &SaEntry,
    any_mode: bool,
    frame: &Frame,
) -> io::Result<()> {
    if entry.state == SaState::Larval {
        return writeln!(out, "# larval: {} to {}", entry.sa.proto.name(), entry.sa.ends.dst());
    }
    let grammar::Written { text, lost } = grammar::script_of_sa(&entry.sa);
    if any_mode && frame.dialect.is_bsd() {
        writeln!(out, "# the mode is that of its policy")?;
    }
    write_lost(out, &lost)?;
    writeln!(out, "{}", *text)
}

/// A policy as the statement that adds it; those of sockets cannot be.
pub fn write_script_policy(out: &mut impl Write, entry: &PolicyEntry) -> io::Result<()> {
    if entry.socket {
        let direction = entry.policy.id.direction;
        return writeln!(out, "# a socket's own policy, {}", direction.name());
    }
    let grammar::Written { text, lost } = grammar::script_of_policy(&entry.policy);
    write_lost(out, &lost)?;
    // The `in` policy before it may have made one already, unless setkey -k loads this.
    match text.strip_prefix("spdadd") {
        Some(rest) if entry.policy.id.direction == Direction::Fwd => {
            writeln!(out, "spdupdate{rest}")
        }
        _ => writeln!(out, "{}", *text),
    }
}

fn write_lost(out: &mut impl Write, lost: &[String]) -> io::Result<()> {
    if lost.is_empty() { Ok(()) } else { writeln!(out, "# without: {}", lost.join(", ")) }
}
