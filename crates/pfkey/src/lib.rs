//! PF_KEYv2 (RFC 2367) as Linux speaks it: messages from bytes and to bytes, the model in messages
//! and back, and the text that `setkey -v` and `-x` show of a message.
//!
//! [`Message`] and [`ext`] are linux/pfkeyv2.h and nothing more. [`sad`], [`spd`] and [`event`] are
//! what AF_KEY (net/key/af_key.c) says about an SA, a policy and what happens to them; [`request`]
//! is what setkey asks, [`command`] what AF_KEY makes of anybody's request, with the errno of each
//! of its checks, and [`socket_policy`] what programs ask of their sockets. Nothing here talks to a
//! kernel.

pub mod client;
pub mod command;
mod error;
pub mod event;
pub mod ext;
mod find;
mod hexdump;
mod kdebug;
mod message;
mod numbers;
mod registered;
pub mod request;
pub mod sad;
pub mod socket_policy;
pub mod spd;
mod wire;

pub use error::Error;
pub use ext::Extension;
pub use hexdump::Hexdump;
pub use kdebug::Kdebug;
pub use message::{Message, MessageType, messages};
pub use registered::{REGISTERED_AUTH, REGISTERED_ENCRYPT};
