//! The causes, a file for each group.

pub mod host;
pub mod inbound;
pub mod lacking;
pub mod latent;
pub mod outbound;
pub mod policies;
