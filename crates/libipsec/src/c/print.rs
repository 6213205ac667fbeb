//! What goes to standard output, through stdio so that it stands in order with what the program
//! prints itself.

use std::ffi::{c_int, c_void};

use pfkey::{Kdebug, Message, dump::HexText};

use super::{contained, memory};
use crate::dump;

unsafe extern "C" {
    static stdout: *mut libc::FILE;
}

fn print(text: &[u8]) {
    // SAFETY: `stdout` is open from the start, and fwrite(3) reads as many bytes as there are. What
    // cannot be written is lost, as with printf(3).
    let _ = unsafe { libc::fwrite(text.as_ptr().cast(), 1, text.len(), stdout) };
}

/// Prints bytes in groups of four.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipsec_hexdump(buffer: *const c_void, length: c_int) {
    contained((), || {
        // SAFETY: the buffer has this length.
        let bytes = unsafe { memory::bytes(buffer, usize::try_from(length).unwrap_or(0)) };
        print(HexText::of(bytes.unwrap_or_default()).to_string().as_bytes());
    });
}

/// Prints bytes as they are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipsec_bindump(buffer: *const c_void, length: c_int) {
    contained((), || {
        // SAFETY: the buffer has this length.
        let bytes = unsafe { memory::bytes(buffer, usize::try_from(length).unwrap_or(0)) };
        print(bytes.unwrap_or_default());
    });
}

/// Prints all of a message, field by field, keys included.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kdebug_sadb(message: *const c_void) {
    contained((), || {
        // SAFETY: it is a message or null.
        let message = unsafe { memory::message(message) }.map_err(|code| code.text().to_owned());
        let message =
            message.and_then(|message| Message::decode(message).map_err(|error| error.to_string()));
        let text = match message {
            Ok(message) => Kdebug::of(&message).to_string(),
            Err(reason) => format!("kdebug_sadb: {reason}.\n"),
        };
        print(text.as_bytes());
    });
}

/// Prints an SA as `setkey -D` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_sadump(message: *const c_void) {
    // SAFETY: the prototype is the same.
    unsafe { print_entry(message, |message| dump::sa(message, false)) };
}

/// Prints an SA as `setkey -Dp` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_sadump_withports(message: *const c_void) {
    // SAFETY: the prototype is the same.
    unsafe { print_entry(message, |message| dump::sa(message, true)) };
}

/// Prints a policy as `setkey -DP` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_spdump(message: *const c_void) {
    // SAFETY: the prototype is the same.
    unsafe { print_entry(message, |message| dump::policy(message, false)) };
}

/// Prints a policy as `setkey -DPp` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_spdump_withports(message: *const c_void) {
    // SAFETY: the prototype is the same.
    unsafe { print_entry(message, |message| dump::policy(message, true)) };
}

/// # Safety
///
/// `message` is null or leads to a message.
unsafe fn print_entry(message: *const c_void, entry: impl Fn(&Message) -> String) {
    contained((), || {
        // SAFETY: the caller's promise.
        let text = unsafe { memory::message(message) }.and_then(dump::read);
        let text = text.map_or_else(|code| format!("{}\n", code.text()), |message| entry(&message));
        print(text.as_bytes());
    });
}
