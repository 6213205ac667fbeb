//! The text of a PF_KEY message.

use std::io::{self, Write};

use pfkey::{Hexdump, Kdebug, Message};

/// A message as the original shows it, its bytes first with `-H`.
pub fn write_message(out: &mut impl Write, message: &Message, hexdump: bool) -> io::Result<()> {
    if hexdump {
        match message.encode() {
            Ok(bytes) => write!(out, "{}", Hexdump(&bytes))?,
            Err(error) => eprintln!("setkey: {error}"),
        }
    }
    write!(out, "{}", Kdebug(message))
}
