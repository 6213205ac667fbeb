//! What the commands share: the messages of getopt(3), diagnostics of scripts, warnings, colours, tables, and
//! how SAs, policies and variables are printed.

mod color;
mod completions;
mod diagnostic;
mod dialect;
mod getopt;
pub mod json;
mod listing;
mod print_error;
pub mod script;
mod signals;
mod table;
mod warnings;
mod width;
mod wiped_output;
mod wrap;

pub use clap_complete::Shell;
pub use color::{Color, Colors};
pub use completions::completions;
pub use diagnostic::{Diagnostic, error_in_one_line};
pub use dialect::chosen_dialect;
pub use getopt::getopt_message;
pub use json::{Keys, PolicyJson, SaJson, VariableJson};
pub use listing::{Choice, Column, Listing};
pub use print_error::print_error;
pub use signals::{Second, Signals, end_by};
pub use table::Table;
pub use warnings::print_warnings;
pub use width::output_width;
pub use wiped_output::WipedOutput;
pub use wrap::{wrap, wrap_hanging};
