//! Any bytes as a PF_KEY message: read or refused, never a panic. What can be written again is read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pfkey::{Message, command};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::decode(bytes)
        && let Ok(written) = message.encode()
    {
        assert_eq!(Message::decode(&written).as_ref(), Ok(&message));
    }
    if let Ok(header) = command::header(bytes) {
        let _ = command::command(&header, bytes);
    }
    for _ in pfkey::messages(bytes) {}
});
