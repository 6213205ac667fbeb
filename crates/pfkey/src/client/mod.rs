//! What `socket(PF_KEY, ...)` answers where a service takes the place of the kernel's AF_KEY.
//!
//! The service listens on a Unix socket of type `SOCK_SEQPACKET`, one for each network namespace:
//! a datagram is a PF_KEY message, each way. The library that is preloaded and the supervisor of
//! `ipsecctl run` both decide here which socket, or which errno, a program gets.

mod answered;
mod call;
mod caller;
mod connection;
mod settings;

pub use answered::{send, wait};
pub use call::SocketCall;
pub use caller::SocketCaller;
pub use connection::{ConnectionProperties, blocks};
pub use settings::{Choice, PfKeySettings, SocketResult};

/// The address family of PF_KEY sockets, AF_KEY (linux/socket.h).
pub const PF_KEY: i32 = 15;
