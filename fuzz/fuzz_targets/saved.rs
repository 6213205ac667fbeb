//! Any bytes as a file of `ipsecctl save`, and as the records of one whose digest is right: read or refused, never a panic.
//! What was read is written as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| engine::fuzz_saved(bytes));
