//! The daemon's parts, for what needs somebody to stay awake: its two services.

mod configuration;
mod handover;
mod listener;
mod notify;
pub mod pfkey;
mod service_error;
pub mod sockets;

pub use configuration::{Configuration, ConfigurationError};
pub use handover::Handover;
pub use notify::Supervisor;
pub use service_error::ServiceError;
