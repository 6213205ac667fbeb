//! IPsec policies of single sockets: the setsockopt(2) leg of ipsec(4), by `IP_XFRM_POLICY` and
//! `IPV6_XFRM_POLICY`, which are there when `IP_IPSEC_POLICY` is gone with AF_KEY.
//!
//! [`IpSocket::set`] gives a [`IpSocket`] its [`SocketPolicies`], at most one a direction. They decide before
//! the SPD does; accepted sockets have copies of their listener's. The calling thread needs
//! CAP_NET_ADMIN in the user namespace of the socket's network namespace; for others, a
//! [`ServiceAddress`] may do it. What the kernel does otherwise than ipsec(4) of the BSDs:
//!
//! - **`entrust`**, no policy, can be had for both directions only. For one, a policy takes its
//!   place that sees no packet, so that nothing passes by the other direction's policy meanwhile.
//! - **A policy is of one IP version.** A socket of AF_INET6 that may carry IPv4 too gets that of
//!   its peer or of its address, else IPv6; see [`IpSocket::left_to_spd`].
//! - **An outbound tunnel cannot be `use`**, as in the SPD: [`Error::OptionalOutboundTunnel`].
//! - **The policy of a socket is applied before the SPD**, whatever its owner is. On the BSDs the SPD
//!   is applied before that of an unprivileged process.
//!
//! [`option`] answers `IP_IPSEC_POLICY` in these terms.

mod cookie;
mod error;
pub mod option;
mod policies;
mod service;
mod socket;

pub use cookie::Cookie;
pub use error::{Error, ServiceRefusal};
pub use policies::SocketPolicies;
pub use service::{ServiceAddress, ServiceReply};
pub use socket::IpSocket;
