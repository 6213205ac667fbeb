//! The causes, a file for each group.

pub mod host;
pub mod inbound;
pub mod lacking;
pub mod latent;
pub mod modes;
pub mod outbound;
pub mod policies;
pub mod routes;
pub mod sources;
