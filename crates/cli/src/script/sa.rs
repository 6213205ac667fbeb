use std::io::{self, Write};

use model::{Dialect, ReplayState, SaEntry, SaState};

use super::{SequenceNumbers, write_statement};

/// An SA as the statement that adds it. What no statement can add is a comment; then the result is
/// false.
///
/// Errors: those of `out`.
pub fn write_sa(
    out: &mut impl Write,
    entry: &SaEntry,
    dialect: Dialect,
    counters: SequenceNumbers,
) -> io::Result<bool> {
    if entry.state == SaState::Larval {
        writeln!(out, "# larval: {} to {}", entry.sa.proto.word(), entry.sa.ends.dst())?;
        return Ok(false);
    }
    let mut sa = entry.sa.clone();
    if counters == SequenceNumbers::Left {
        sa.replay_state = ReplayState::default();
    } else if !sa.replay_state.is_new() {
        writeln!(out, "# it goes on with these sequence numbers: end the old SA first")?;
    }
    let grammar::Written { text, lost, mut is_loadable } = grammar::script_of_sa_in(&sa, dialect);
    if entry.sa.mode.is_any() && dialect.is_bsd() {
        writeln!(out, "# the mode is that of its policy")?;
    }
    let has_sent = counters == SequenceNumbers::Left && entry.has_sent_in_counter_mode();
    if has_sent {
        writeln!(out, "# it has sent packets with this key: use a new one, or --counters")?;
    }
    is_loadable &= !has_sent;
    write_statement(out, &text, &lost, is_loadable)?;
    Ok(is_loadable)
}
