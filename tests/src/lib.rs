//! What a scenario is made of: hosts, the links between them, and what passes on a wire.
//!
//! A scenario fails by panicking, so everything here does too.
#![expect(clippy::missing_panics_doc, reason = "said above, once for all")]

mod host;
mod outcome;
mod wire;

pub use host::{Host, link};
pub use outcome::Outcome;
pub use wire::{Packet, Wire, protocol};
