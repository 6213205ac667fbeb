//! The service that gives the sockets of the unprivileged their IPsec policies.
//!
//! On the BSDs anybody may give a socket a policy, and only `bypass` asks for privilege. Linux asks
//! for CAP_NET_ADMIN in any case. So a program hands its socket to this [`Service`], which does it,
//! if its [`Permissions`] allow that: `/etc/xfrm-tools/ipsecd.conf` says who may have which
//! policies, nobody any by default. Every request is a line of the log.

mod peer;
mod permissions;
mod request;
mod service;
mod shared_engine;
mod slots;

pub use peer::Peer;
pub use permissions::Permissions;
pub use service::Service;
