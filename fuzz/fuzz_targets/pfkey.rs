//! Any bytes as a PF_KEY message, as a request to the service and as what a program prints: read or refused, never a
//! panic; what was read is written as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pfkey::{Error, Hexdump, Kdebug, Message, command, messages};

fuzz_target!(|bytes: &[u8]| {
    match Message::decode(bytes) {
        Ok(message) => check(&message),
        Err(error) => describe(&error),
    }
    messages(bytes).for_each(drop);
    match command::header(bytes) {
        Ok(header) => match command::command(&header, bytes) {
            Ok(command) => drop(command),
            Err(error) => describe(&error),
        },
        Err(error) => describe(&error),
    }
});

fn check(message: &Message) {
    let bytes = message.encode().expect("what was read can be said");
    let again = Message::decode(&bytes).expect("what was said can be read");
    assert_eq!(*message, again);
    let _ = (Kdebug::of(message).to_string(), Hexdump::of(&bytes).to_string());
    for reads in [pfkey::sad::read(message).err(), pfkey::spd::read(message).err()] {
        reads.iter().for_each(describe);
    }
}

fn describe(error: &Error) {
    let _ = (error.errno(), error.to_string());
}
