use std::{fs, path::Path};

use pfkey::{
    Extension, Message,
    ext::{Lifetime, LifetimeKind},
};

/// The process number in the messages of `capture.py`.
pub const PID: u32 = 4242;

/// The messages sent and received in a capture.
pub struct Capture {
    pub sent: Vec<Vec<u8>>,
    pub received: Vec<Vec<u8>>,
}

pub fn capture(name: &str) -> Capture {
    let path = folder().join(name).with_extension("hex");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines =
        |prefix: &str| text.lines().filter_map(|line| line.strip_prefix(prefix)).map(hex).collect();
    Capture { sent: lines("> "), received: lines("< ") }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures"))
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

/// Checks that a message is the captured one, but for `seq`, `pid` and when something was added or
/// used.
#[track_caller]
pub fn assert_captured(message: &Message, captured: &[u8]) {
    let captured = masked(Message::decode(captured).unwrap());
    let message = masked(message.clone());
    assert_eq!(message, captured);
    assert_eq!(message.encode(), captured.encode());
}

fn masked(message: Message) -> Message {
    let mut message = message.numbered(0, 0);
    for extension in &mut message.extensions {
        if let Extension::Lifetime(LifetimeKind::Current, current) = extension {
            *current = Lifetime { add_time: 0, use_time: 0, ..*current };
        }
    }
    message
}

#[test]
fn every_captured_message_is_read_and_written_to_the_byte() {
    let mut count = 0;
    for file in fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "hex") {
            continue;
        }
        let Capture { sent, received } = capture(path.file_stem().unwrap().to_str().unwrap());
        for bytes in sent.iter().chain(&received) {
            let message = Message::decode(bytes).unwrap();
            assert!(!message.extensions.iter().any(|it| matches!(it, Extension::Unknown(..))));
            assert_eq!(*message.encode().unwrap(), *bytes, "{}", path.display());
            count += 1;
        }
        let file = [sent, received].concat().concat();
        assert!(pfkey::messages(&file).all(|message| message.is_ok()));
    }
    assert!(count > 100, "{count} messages");
}
