//! The translation layer between what the user means and what the kernel can hold.
//!
//! An ordered stream of operations goes in, ordered results come out with the line of their
//! statement. Changes travel in batches; a read waits for the changes before it. The engine never
//! prints.

mod engine;
mod error;
mod families;
mod forward;
mod outcome;
mod refusal;
mod reqids;
mod spd;

pub use engine::{Engine, Options};
pub use error::Error;
pub use outcome::{Outcome, Sink};
pub use refusal::{Refusal, Target};
