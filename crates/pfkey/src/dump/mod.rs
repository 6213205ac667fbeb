//! The text of messages, SAs and policies.

mod kdebug;

pub use kdebug::Kdebug;
