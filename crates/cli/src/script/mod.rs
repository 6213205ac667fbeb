//! SAs and policies of the kernel as the statements that add them: what `setkey --script`, `ipsecctl export` and
//! `ipsecctl import` print.

mod policy;
mod sa;

use std::io::{self, Write};

pub use policy::PolicyScript;
pub use sa::write_sa;

/// What becomes of the sequence numbers of SAs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SequenceNumbers {
    /// A new SA begins with the first.
    #[default]
    Left,
    /// An SA goes on with those of the dump.
    Written,
}

/// Writes a statement, or a comment if no load adds what it is for. What it lacks is in a comment before it.
fn write_statement(
    out: &mut impl Write,
    text: &str,
    lost: &[String],
    is_loadable: bool,
) -> io::Result<()> {
    if !lost.is_empty() {
        writeln!(out, "# without: {}", lost.join(", "))?;
    }
    writeln!(out, "{}{text}", if is_loadable { "" } else { "# " })
}
