//! The system calls that the rest of the house needs and that no kept library has.
//!
//! All `unsafe` code but that of the two C ABI crates is here, each block with its reason.

pub mod datagrams;
