//! Script text to syntax tree.

pub(crate) mod attempt;
mod dialect;
pub(crate) mod expected;
mod foreign;
pub(crate) mod guess;
pub(crate) mod hint;
mod input;
mod inside;
mod kernel_options;
pub(crate) mod lexer;
pub(crate) mod lists;
mod meant;
mod misplaced;
mod notation;
pub(crate) mod policy;
mod reader;
mod repair;
mod repair_policy;
pub(crate) mod rules;
mod sa;
mod script;
mod secret;
pub(crate) mod similar;
pub(crate) mod source;
mod spd;
pub(crate) mod split;
mod statement;
pub(crate) mod stray;
mod syntax;
mod value;

pub use policy::parse_policy;
pub use script::Script;
pub use source::{Excerpt, Place, Position, Source};
pub use split::{MAX_STATEMENT, is_whole};
pub use statement::Statement;
pub use stray::Stray;
