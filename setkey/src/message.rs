//! The text of a PF_KEY message.

use std::io::{self, Write};

use pfkey::{Hexdump, Kdebug, Message};

use crate::print_error;

/// How messages are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageFormat {
    /// Their bytes first (`-H`).
    pub hexdump: bool,
    /// With `x` for the digits of keys (`--redact`).
    pub redact: bool,
}

impl MessageFormat {
    /// Without the bytes, as the original shows answers.
    pub fn without_bytes(self) -> Self {
        Self { hexdump: false, ..self }
    }

    /// Prints a message as the original does.
    pub fn write(self, out: &mut impl Write, message: &Message) -> io::Result<()> {
        if self.hexdump {
            match message.encode() {
                Ok(bytes) => self.write_bytes(out, &bytes)?,
                Err(error) => print_error(&error),
            }
        }
        self.write_text(out, message)
    }

    /// Prints the bytes of a message.
    pub fn write_bytes(self, out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        write!(out, "{}", Hexdump::of(bytes).redacted(self.redact))
    }

    /// Prints what is in a message.
    pub fn write_text(self, out: &mut impl Write, message: &Message) -> io::Result<()> {
        write!(out, "{}", Kdebug::of(message).redacted(self.redact))
    }
}
