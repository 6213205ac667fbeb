//! SAs and policies as messages, and messages as SAs and policies.

pub(crate) mod fields;
pub mod references;
mod sa_parts;
pub mod sad;
pub mod spd;
pub(crate) mod templates;

pub use sa_parts::{Nat, SaParts, Sender};
