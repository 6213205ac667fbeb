//! Any bytes as a datagram of the kernel's drop monitor: read or refused, never a panic. The packet in it is read too.

#![no_main]

use explain::Captured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(alert) = drop_monitor::fuzzing::datagram(bytes) {
        assert!(alert.head.len() <= bytes.len());
        let _ = (alert.function().len(), alert.time(), Captured::of_packet(&alert.head));
    }
});
