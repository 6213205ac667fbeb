//! `ipsecctl diff` and `ipsecctl apply`: files as the state that the kernel is to have.

mod confirmed;
mod databases;
mod diff;
mod flood;
mod meanwhile;
mod order;
mod owned;
mod pairs;
mod progress;
mod tables;
mod undone;
