//! The PF_KEY service beside the kernel's own AF_KEY: the same messages to both, and the answers of each.
//!
//! A case ([`Case`]) is a text (`tests/pfkey/README.md`). [`Comparison`] plays it on two hosts, one
//! where programs speak to AF_KEY and one where they speak to the service, and gives the differences
//! that are not among those that are wanted ([`ALLOWED`]).

mod allowed;
mod case;
mod compare;
mod dice;
mod draft;
mod generated;
mod modules;
mod mutated;
mod running;
mod shown;
mod side;
mod tables;
mod talk;

pub use allowed::{ALLOWED, Allowed, Masked, TABLES};
pub use case::{Case, Step, cases};
pub use compare::{Comparison, Report};
pub use dice::Dice;
pub use draft::{Draft, PID};
pub use generated::sequence;
pub use modules::Modules;
pub use mutated::sequence_of_mutated;
pub use running::RunningService;
pub use shown::{Seen, shown};
pub use side::{Side, af_key_socket};
pub use talk::{ask, receive};
