//! The dumps of the original, to the byte: `-D`, `-DP` and their statements.

mod sad;
mod script;
mod short;
mod spd;
mod time;

use std::io::{self, Write};

use model::{Dialect, SecCtx};

pub use sad::write_sa;
pub use script::{write_script_policy, write_script_sa};
pub use short::{HEADER, write_short_sa};
pub use spd::write_policy;

/// What stands in a dump beside the entry itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frame {
    /// Whose setkey prints.
    pub dialect: Dialect,
    /// Show ports (`-p`).
    pub ports: bool,
    /// Put `x` for the digits of keys (`--redact`).
    pub redact: bool,
    /// The caller's process.
    pub pid: u32,
    /// The entry's place in the dump: 1, 2, ...; the last one is 0.
    pub seq: u32,
    /// The kernel's count of a policy's users, where it is known.
    pub references: Option<u16>,
    /// Unix seconds.
    pub now: u64,
}

/// `security context` lines of an SA or policy.
fn write_sec_ctx(out: &mut impl Write, ctx: &SecCtx) -> io::Result<()> {
    writeln!(out, "\tsecurity context doi: {}", ctx.doi)?;
    writeln!(out, "\tsecurity context algorithm: {}", ctx.alg)?;
    // The length on the wire counts the terminating NUL.
    writeln!(out, "\tsecurity context length: {}", ctx.context.len() + 1)?;
    writeln!(out, "\tsecurity context: {}", String::from_utf8_lossy(ctx.label()))
}
