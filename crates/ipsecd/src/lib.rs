//! The daemon's parts, for what needs somebody to stay awake: its two services.

mod configuration;
mod listener;
pub mod pfkey;
mod service_error;
pub mod sockets;

pub use configuration::{Configuration, ConfigurationError};
pub use service_error::ServiceError;
