//! The daemon's parts, for what needs somebody to stay awake.

pub mod pfkey;
