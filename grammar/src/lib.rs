//! The setkey language: script text to syntax tree to [`model`] operations, and back to text.
//!
//! The stages, in order:
//!
//! 1. [`Script`] cuts a stream into statements, one in memory at a time;
//! 2. `setkey.pest` and `policy.pest` read a statement into a [`tree`] with spans;
//! 3. [`lower`] looks its names up and makes the operations of it.
//!
//! [`parse_policy`] reads a policy by itself, and [`socket_policy`] makes a socket's of it.
//! [`script_of_sa`] and [`script_of_policy`] go the other way, from the model to text.
//!
//! Whose setkey a script was written for is its [`model::Dialect`]: ipsec-tools 0.8.2 on Linux, word
//! for word, NetBSD or FreeBSD. What no original has is read in all three. An [`Error`] knows the
//! words of the original and those of this crate, its place, and the way out; nothing is printed
//! here.

/// The option of an SA in UDP, as messages have it for an example.
macro_rules! example_of_encap {
    () => {
        concat!("-encap espinudp ", model::nat_t_port!(), " ", model::nat_t_port!())
    };
}

mod check;
mod code;
mod error;
mod lower;
mod misplaced_statement;
mod parse;
mod socket_policy;
pub mod tree;
mod unparse;
mod warning;

pub use check::{CheckedScript, CheckedStatement, Checker, Finding, FindingKind, Mistake, Part};
pub use code::CODES;
pub use error::{Error, Fault};
pub use lower::{Lowered, lower};
pub use misplaced_statement::is_statement_as_file;
pub use parse::{
    Excerpt, MAX_STATEMENT, Place, Position, Script, Source, Statement, Stray, is_whole,
    parse_policy,
};
pub use socket_policy::socket_policy;
pub use unparse::{
    PolicyStatement, Written, redacted_script_of_sa, script_of_policy, script_of_sa,
    script_of_sa_in, text_of_socket_policy,
};
pub use warning::{Warning, WarningKind};
