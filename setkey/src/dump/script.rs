use std::io::{self, Write};

use model::{Dialect, Direction, Level, Policy, PolicyEntry, ReplayState, SaEntry, SaState};

use pfkey::dump::Frame;

use crate::options::Counters;

/// An SA as the statement that adds it. What no statement can add is a comment; then the result is
/// false.
pub fn write_script_sa(
    out: &mut impl Write,
    entry: &SaEntry,
    frame: &Frame,
    counters: Counters,
) -> io::Result<bool> {
    if entry.state == SaState::Larval {
        writeln!(out, "# larval: {} to {}", entry.sa.proto.word(), entry.sa.ends.dst())?;
        return Ok(true);
    }
    let mut sa = entry.sa.clone();
    if counters == Counters::Left {
        sa.replay_state = ReplayState::default();
    } else if !sa.replay_state.is_new() {
        writeln!(out, "# it goes on with these sequence numbers: end the old SA first")?;
    }
    let grammar::Written { text, lost, mut is_loadable } =
        grammar::script_of_sa_in(&sa, frame.dialect);
    if entry.sa.mode.is_any() && frame.dialect.is_bsd() {
        writeln!(out, "# the mode is that of its policy")?;
    }
    write_lost(out, &lost)?;
    if counters == Counters::Left && entry.has_sent_in_counter_mode() {
        writeln!(out, "# it has sent packets with this key: use a new one, or --counters")?;
        is_loadable = false;
    }
    let comment = if is_loadable { "" } else { "# " };
    writeln!(out, "{comment}{}", *text)?;
    Ok(is_loadable)
}

/// A policy as the statement that adds it; those of sockets cannot be.
pub fn write_script_policy(
    out: &mut impl Write,
    entry: &PolicyEntry,
    frame: &Frame,
) -> io::Result<bool> {
    if entry.socket {
        let direction = entry.policy.id.direction;
        writeln!(out, "# a socket's own policy, {}", direction.word())?;
        return Ok(true);
    }
    let (policy, numbers) = in_dialect(entry, frame.dialect);
    let grammar::Written { text, lost, is_loadable } = grammar::script_of_policy(&policy);
    write_lost(out, &[lost, numbers].concat())?;
    // The `in` policy before it may have made one already, unless setkey -k loads this.
    let comment = if is_loadable { "" } else { "# " };
    match text.strip_prefix("spdadd") {
        Some(rest) if entry.policy.id.direction == Direction::Fwd => {
            writeln!(out, "{comment}spdupdate{rest}")?;
        }
        _ => writeln!(out, "{comment}{}", *text)?,
    }
    Ok(is_loadable)
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
