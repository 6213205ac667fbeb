//! What is kept beside the kernel for a network namespace: locks, variables, records.

mod database;
pub(crate) mod files;
pub(crate) mod fingerprint_secret;
mod gone;
pub(crate) mod holders;
pub(crate) mod host;
pub(crate) mod lock;
pub(crate) mod namespace;
pub(crate) mod owned;
pub(crate) mod reqid_counter;
pub(crate) mod store;
pub(crate) mod variables;
