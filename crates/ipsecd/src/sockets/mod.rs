//! The service that sets IPsec policies on the sockets of unprivileged programs.
//!
//! On the BSDs every program may set a policy on its sockets; only `bypass` needs privilege. Linux
//! requires CAP_NET_ADMIN. So a program sends its socket to this [`Service`], which sets the policy if
//! the [`Permissions`] in `/etc/xfrm-tools/ipsecd.conf` allow it; by default they allow nothing. Every
//! request is a line in the log.

mod peer;
mod permissions;
mod request;
mod service;
mod shared_engine;
mod slots;

pub use peer::Peer;
pub use permissions::Permissions;
pub use service::Service;
