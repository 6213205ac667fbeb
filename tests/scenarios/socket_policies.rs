//! Programs as they are, whose sockets have policies of their own: `ipsecctl exec` and `ipsecctl
//! socket`, with real packets.

mod levels;
mod programs;
mod running;
mod wire;

const BYPASS: &[&str] = &["out bypass", "in bypass"];

/// Families of sockets, with the addresses of the two hosts.
const FAMILIES: [(&str, &str, &str); 2] =
    [("AF_INET", "192.0.2.1", "192.0.2.2"), ("AF_INET6", "2001:db8::1", "2001:db8::2")];
