//! The system calls that the rest of the workspace needs and that no kept library has, and the facts
//! about the host that several crates share: paths under /run, the clock, the texts of errnos, the resolver.
//!
//! All `unsafe` code but that of the two C ABI crates is here, each block with its reason. A file that
//! has some names the upstream change that would end it.

pub mod bounded;
pub mod clock;
pub mod close;
pub mod datagrams;
pub mod descriptor;
mod errno;
pub mod foreign;
mod hung_up;
pub mod interfaces;
pub mod kernel_crypto;
pub mod memory;
mod names;
pub mod netlink;
pub mod netns;
pub mod owner;
pub mod pidfd;
pub mod proc_status;
pub mod process;
mod release;
#[cfg(any(test, feature = "replaced"))]
pub mod replaced;
pub mod rights;
pub mod run;
pub mod scheduling;
pub mod seccomp;
mod secret_memory;
pub mod sockopt;
pub mod tcp_user;
mod wiping_allocator;

pub use errno::{errno_text, without_number};
pub use hung_up::is_hung_up;
pub use names::SystemNames;
pub use release::release_numbers;
pub use secret_memory::SecretMemory;
pub use wiping_allocator::WipingAllocator;
