//! The PF_KEY service: AF_KEY in user space, over XFRM netlink, for programs on kernels without
//! PF_KEY sockets.
//!
//! A program connects to a Unix socket of type `SOCK_SEQPACKET`, `/run/xfrm-tools/NETNS/pfkey.sock`
//! with the inode number of its network namespace, and exchanges PF_KEYv2 messages on it, one a
//! datagram. It gets the answers and the broadcasts that AF_KEY would send (net/key/af_key.c).
//!
//! A request is checked by [`pfkey::command`], which refuses with AF_KEY's errno, and goes through
//! the engine to the kernel. All clients, the requesting one too, get the kernel's notification of
//! the change: it is queued before the kernel acknowledges the request, so an answer is never late
//! and never guessed. Changes of other programs, such as ip(8) and IKE daemons, arrive the same way.
//!
//! | module | what it does |
//! | --- | --- |
//! | `server` | listens, accepts, polls; hands over to the next daemon |
//! | `session`, `sessions` | one client's connection; all of them, and which get a message |
//! | `verbs` | carries out requests, a method a PF_KEY message; forwards the kernel's events |
//!
//! One thread serves all clients, in order: [`Server::run`].

mod acquires;
mod dump;
mod events;
mod icv_lengths;
mod server;
mod session;
mod sessions;
mod settings;
mod soft_expiry;
mod verbs;

pub use icv_lengths::IcvLengths;
pub use server::Server;
pub use settings::Settings;
