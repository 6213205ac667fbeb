//! The service that sets IPsec policies on the sockets of unprivileged programs.
//!
//! On the BSDs every program may set a policy on its sockets; only `bypass` needs privilege. Linux
//! requires CAP_NET_ADMIN. So a program sends its socket to this [`Service`], which sets the policy if
//! the [`Permissions`] in `/etc/xfrm-tools/ipsecd.conf` allow it; by default they allow nothing.
//!
//! The socket is open to every user. A client that no line is for is rejected before anything of it is
//! read. The others have a slot each while they are served, on a thread of their own. Every request is
//! a line in the log, within limits.

mod client;
mod closer;
mod grant;
mod peer;
mod permissions;
mod request;
mod service;
mod shared_engine;
mod slots;

pub use peer::Peer;
pub use permissions::Permissions;
pub use service::Service;
