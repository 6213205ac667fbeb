//! From the model to script text: the opposite of [`crate::lower`] and of the parser.

mod from_model;
mod policy;
mod print;
mod print_option;
mod print_policy;
mod sa;

pub use from_model::{
    PolicyStatement, Written, redacted_script_of_sa, script_of_policy, script_of_sa,
    script_of_sa_in, text_of_socket_policy,
};
