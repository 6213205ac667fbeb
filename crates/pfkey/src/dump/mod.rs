//! The text of SAs and policies, as `setkey -D` and `-DP` and the functions of libipsec print them, and
//! that of messages, as `setkey -v` and `-x` do.

mod hex;
mod kdebug;
mod policy;
mod sa;
mod sec_ctx;
mod style;
mod text;
mod time;
pub mod words;

use std::net::SocketAddr;

use model::Dialect;

pub use hex::HexText;
pub use kdebug::Kdebug;
pub use policy::{PolicyHeading, PolicyText};
pub use sa::SaText;
pub use text::{PortText, PrefixText, TemplateText, UpperText};

/// What a dump contains beside the entry itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frame {
    /// The setkey that is imitated.
    pub dialect: Dialect,
    /// Show ports (`-p`).
    pub ports: bool,
    /// Put `x` for the digits of keys (`--redact`).
    pub redact: bool,
    /// The process that dumps.
    pub pid: u32,
    /// The entry's place in the dump: 1, 2, ...; the last one is 0.
    pub seq: u32,
    /// The kernel's reference count of a policy, where it is known.
    pub references: Option<u16>,
    /// The current time in Unix seconds.
    pub now: u64,
}

/// The text of an address with its scope.
pub type HostText = fn(SocketAddr) -> String;
