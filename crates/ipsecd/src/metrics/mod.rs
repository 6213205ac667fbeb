//! The service for metrics: the text of `ipsecctl metrics` by HTTP, on a loopback address or a Unix socket. It is off
//! unless it is configured.

mod address;
mod connection;
mod listener;
mod request;
mod service;
mod text;

pub use address::Address;
pub use service::{Service, State};
