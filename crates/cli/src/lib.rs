//! How SAs, policies and variables look where more than one command shows them.

mod json;
mod text;

pub use json::{Keys, policy_json, sa_json, variable_json};
pub use text::{KeyText, PortText, PrefixText, RequestStyle, RequestText, UpperText, dumped_mode};
