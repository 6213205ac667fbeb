//! Any bytes as what the functions of libpfkey.h are given: no read past their end, never a panic.

#![no_main]

#[path = "../../crates/libipsec/tests/guarded/mod.rs"]
mod guarded;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;

thread_local! {
    static LIBRARY: RefCell<guarded::Library> = RefCell::new(guarded::Library::new());
}

fuzz_target!(|bytes: &[u8]| {
    LIBRARY.with_borrow_mut(|library| library.call(bytes));
});
