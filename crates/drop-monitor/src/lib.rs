//! NET_DM: packets that the kernel has dropped, one by one (linux/net_dropmon.h, generic netlink).
//!
//! The kernel has one drop monitor for all network namespaces, which is reached from the initial one. It can
//! be configured only while it is stopped, and several programs may read its alerts. A [`DropMonitor`]
//! that has started it stops it and restores its configuration; what a killed process has left running is
//! stopped by the next one, from a record beside the lock of the claim.

mod alert;
mod claim;
mod configuration;
mod control;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod monitor;
mod wire;

pub use alert::Alert;
pub use configuration::{AlertConfiguration, AlertMode};
pub use error::Error;
pub use monitor::{DropMonitor, ReceivedAlerts};
