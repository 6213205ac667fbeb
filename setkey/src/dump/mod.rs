//! The dumps that other programs do not print: a line an SA (`-l`), and scripts (`--script`).

mod script;
mod short;

pub use script::{write_script_policy, write_script_sa};
pub use short::{HEADER, write_short_sa};
