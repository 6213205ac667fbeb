//! `ipsecctl export`: other programs use what it prints. Debian's tcpdump and tshark decrypt a capture with the kernel's keys, and
//! ip(8) makes the same tables.

mod decryption;
mod following;
mod ip_batch;
