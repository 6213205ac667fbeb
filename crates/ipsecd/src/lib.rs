//! ipsecd(8), the daemon of one network namespace: reconciles the SPD with the requested policies while SAs come and
//! go, serves PF_KEY, and gives policies to the sockets of unprivileged programs.
//!
//! | module | what it does | thread |
//! | --- | --- | --- |
//! | `reconciler` | the main loop: kernel events, signals, changes of variables; calls the engine's reconciler | main |
//! | [`pfkey`] | the PF_KEY service | `PF_KEY` |
//! | [`sockets`] | the service for policies of sockets | `sockets`, and one a client |
//! | [`metrics`] | the service for metrics, if it is configured | `metrics` |
//! | `services` | starts the services, hands them over to the next daemon | main |
//! | `file_store` | keeps the clients' sockets over a crash | main, and a process of its own |

mod adopted;
mod configuration;
pub mod confinement;
mod daemon;
mod error;
mod file_store;
mod handover;
mod listener;
mod log_limit;
mod logging;
pub mod metrics;
mod options;
pub mod pfkey;
mod reconciler;
mod service_manager;
mod services;
mod signals;
pub mod sockets;

pub use configuration::Configuration;
pub use daemon::main;
pub use error::Error;
pub use file_store::FileStore;
pub use handover::Handover;
pub use service_manager::ServiceManager;
