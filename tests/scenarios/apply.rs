//! `ipsecctl diff` and `ipsecctl apply`: files as the state that the kernel is to have.

mod databases;
mod diff;
