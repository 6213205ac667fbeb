//! Names of hosts, services and protocols.
//!
//! Protocols and services come from embedded tables first, so that a machine without
//! /etc/protocols and /etc/services reads and prints the same as any other.

mod bsd_protocols;
mod protocols;
mod services;

use std::net::IpAddr;

use crate::IpVersion;

pub use bsd_protocols::{name_in as protocol_name_in, number_in as protocol_number_in};
pub use protocols::{name as protocol_name, number as protocol_number};
pub use services::{Transport, port as service_port};

/// How a host name is to be looked up: the flags after `add`, `spdadd`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LookUp {
    /// Only addresses of this version (`-4`, `-6`).
    pub version: Option<IpVersion>,
    /// Numbers only, no resolver (`-n`, `AI_NUMERICHOST`).
    pub numeric: bool,
}

/// A name that leads nowhere; the text is that of getaddrinfo(3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotFound(pub String);

/// Where names are looked up: on the host, or in a test's own tables.
pub trait Names {
    /// Every address of a host, in the resolver's order, without scope ids (XFRM has none).
    fn addresses(&self, host: &str, look_up: LookUp) -> Result<Vec<IpAddr>, NotFound>;

    /// The port of a service over a transport protocol, host order.
    fn service(&self, name: &str, transport: Transport) -> Result<u16, NotFound>;

    /// Whether an address is one of this host.
    fn is_local(&self, address: IpAddr) -> bool;
}
