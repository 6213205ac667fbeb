//! Any bytes as a captured packet: read or refused, never a panic.

#![no_main]

use explain::Captured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(captured) = Captured::read(bytes) {
        assert!(captured.length <= bytes.len());
    }
});
