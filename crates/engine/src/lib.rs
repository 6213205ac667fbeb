//! The translation layer between what the user means and what the kernel can hold.
//!
//! An ordered stream of operations goes in, ordered results come out with the line of their
//! statement. Changes travel in batches; a read waits for the changes before it. The engine never
//! prints.

mod caretaker;
mod database;
mod default_policy;
mod df_rule;
mod engine;
mod error;
mod forward;
mod hold;
mod host;
mod kept_variables;
mod namespace;
mod nft;
mod outcome;
mod outer_header;
mod refusal;
mod renewal;
mod reqids;
mod revise;
mod settings;
mod sockets;
mod spd;
mod store;
mod tunnels;
mod witness;

/// Where the stores of all network namespaces are.
pub const RUN_DIRECTORY: &str = "/run/xfrm-tools";

pub use caretaker::{Caretaker, SetRight};
pub use default_policy::{DefaultPolicy, default_policies};
pub use engine::{Engine, Options};
pub use error::Error;
pub use forward::forward_operation;
pub use kept_variables::VARIABLES_FILE;
pub use namespace::{DAEMON_LOCK, Lock, Namespace};
pub use outcome::{Outcome, Sink};
pub use refusal::{Refusal, Target};
pub use settings::{Applied, apply, variables};
pub use sockets::{choose_reqids, socket_policies};
/// What happens in the SAD and SPD.
pub use xfrm::{Error as MonitorError, Group, Monitor, SocketEntry};
