//! PF_KEYv2 (RFC 2367) as Linux speaks it: messages from bytes and to bytes, the model in messages
//! and back, and the text that `setkey` shows of them.
//!
//! `wire`, [`ext`] and [`Message`] are linux/pfkeyv2.h and nothing more. [`sad`], [`spd`] and
//! [`event`] are what AF_KEY (net/key/af_key.c) reports of an SA, a policy and what happens to them;
//! [`request`] is what setkey sends, [`command`] what AF_KEY makes of a program's request, with the
//! errno of each of its checks, and [`socket_policy`] what programs set on their sockets. [`client`]
//! gets a program its PF_KEY socket.

pub mod client;
pub mod command;
pub mod dump;
mod entry;
mod error;
pub mod event;
pub mod ext;
mod message;
mod registered;
pub mod request;
pub mod socket_policy;
mod wire;

pub use dump::Kdebug;
pub use entry::{Nat, SaParts, Sender, references, sad, spd};
pub use error::Error;
pub use ext::Extension;
pub use message::{Message, messages};
pub use registered::{REGISTERED_AUTH, REGISTERED_ENCRYPT};
pub use wire::{HEADER_LENGTH, Hexdump, LONGEST_MESSAGE, MessageType, UNIT, VERSION, ext_type};
