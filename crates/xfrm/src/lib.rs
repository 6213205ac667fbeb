//! NETLINK_XFRM: the kernel's SAD and SPD, spoken to in the model's words.
//!
//! A [`Connection`] sends [`Batch`]es of [`Change`]s, each batch in one system call, and reads the
//! tables back as lazy [`Dump`]s. What the kernel answers to one message is a [`KernelRefusal`]; what
//! breaks the conversation itself is an [`Error`]. A [`EventSocket`] receives the [`Event`](model::Event)s of all
//! programs' changes, and of the kernel's own. The wire (linux/xfrm.h) is seen in `wire` only.

mod batch;
#[doc(hidden)]
pub mod bytes;
mod catch_all;
mod change;
mod connection;
mod device;
mod dump;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod image;
mod installed_policy;
mod monitor;
mod optional;
mod optional_attribute;
mod relocation;
mod reply;
mod socket;
mod socket_policy;
mod socket_policy_entry;
mod wire;

pub use batch::{Batch, BatchMark};
pub use catch_all::{CatchAll, CatchAllScope};
pub use change::Change;
pub use connection::Connection;
pub use device::Devices;
pub use dump::{Dump, Prefixes, SadSelection};
pub use error::{Answer, Error, KernelRefusal};
pub use image::{PolicyImage, SaImage};
pub use installed_policy::InstalledPolicy;
pub use monitor::EventSocket;
pub use optional_attribute::OptionalAttribute;
pub use relocation::MoveSupport;
pub use socket_policy::{no_socket_policy, read_socket_option, socket_option};
pub use socket_policy_entry::SocketPolicyEntry;
