use std::io::{self, Write};

use engine::GivenFlags;
use model::{Dialect, ReplayState, SaEntry, SaFlags, SaState};

use super::{Reloaded, SequenceNumbers, write_statement};

/// How SAs are written as the statements that add them.
pub struct SaScript {
    /// The dialect of the statements.
    pub dialect: Dialect,
    /// What becomes of sequence numbers.
    pub counters: SequenceNumbers,
    /// The flags that SAs are given as the script is loaded. A policy of the other IP version gives a tunnel SA one,
    /// whatever its statement: the kernel shows no difference between a selector that was given and its own.
    pub given: GivenFlags,
}

impl SaScript {
    /// Writes an SA, or a comment if no statement adds it.
    ///
    /// Errors: those of `out`.
    pub fn write(&self, out: &mut impl Write, entry: &SaEntry) -> io::Result<Reloaded> {
        let &Self { dialect, counters, .. } = self;
        if entry.state == SaState::Larval {
            writeln!(out, "# larval: {} to {}", entry.sa.proto.word(), entry.sa.ends.dst())?;
            return Ok(Reloaded::Comment);
        }
        let mut sa = entry.sa.clone();
        if counters == SequenceNumbers::Left {
            sa.replay_state = ReplayState::default();
        } else if !sa.replay_state.is_new() {
            writeln!(out, "# it goes on with these sequence numbers: end the old SA first")?;
        }
        let grammar::Written { text, lost, mut is_loadable } =
            grammar::script_of_sa_in(&sa, dialect);
        if entry.sa.mode.is_any() && dialect.is_bsd() {
            writeln!(out, "# the mode is that of its policy")?;
        }
        let has_sent = counters == SequenceNumbers::Left && entry.has_sent_in_counter_mode();
        if has_sent {
            writeln!(out, "# it has sent packets with this key: use a new one, or --counters")?;
        }
        is_loadable &= !has_sent;
        let given = if is_loadable { self.given.to(&sa) } else { SaFlags::default() };
        if !given.is_empty() {
            let flags = given.words().collect::<Vec<_>>().join(", ");
            writeln!(
                out,
                "# with: -flag {flags}, which its policies or the host's variables require"
            )?;
        }
        write_statement(out, &text, &lost, is_loadable)?;
        Ok(match is_loadable {
            false => Reloaded::Comment,
            true if given.is_empty() => Reloaded::Added,
            true => Reloaded::Flagged,
        })
    }
}
