//! No function reads past what its argument leads to.
#![allow(unsafe_code, reason = "calls the library as C does")]

mod guarded;

use std::{
    fs::{self, File},
    os::fd::AsRawFd,
};

use guarded::Library;

/// The library writes of each syntax error on standard error.
fn library() -> Library {
    let null = File::options().write(true).open("/dev/null").expect("it is there");
    // SAFETY: both are open; the test harness captures what tests print themselves.
    unsafe { libc::dup2(null.as_raw_fd(), libc::STDERR_FILENO) };
    Library::new()
}

/// Bytes of `sadb_msg`, with the length of the whole in units of 8 bytes.
fn header(kind: u8, units: u8) -> Vec<u8> {
    let mut header = vec![2, kind, 0, 3, units, 0];
    header.resize(16, 0);
    header
}

/// An extension that is too short for what its type has behind the length.
#[test]
fn an_extension_ends_with_the_message() {
    let mut library = library();
    for kind in 0..=27 {
        for number in 0..=30 {
            library.call(&[header(kind, 3), vec![1, 0, number, 0, 0, 0, 0, 0]].concat());
        }
    }
}

/// Nothing, and less than a header.
#[test]
fn a_message_is_as_long_as_its_argument() {
    let mut library = library();
    for length in 0..40 {
        library.call(&vec![2; length]);
    }
}

/// Messages of the fuzz target's corpus, cut anywhere and with any byte changed.
#[test]
fn messages_are_cut_and_changed() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/pfkey");
    let mut library = library();
    let mut random = fastrand::Rng::with_seed(1);
    let files = fs::read_dir(corpus).expect("the corpus").flatten();
    let messages: Vec<_> = files.filter_map(|file| fs::read(file.path()).ok()).collect();
    assert!(messages.len() > 20, "{}", messages.len());
    for _ in 0..3000 {
        let mut message = random.choice(&messages).expect("there are some").clone();
        for _ in 0..random.usize(..4) {
            let at = random.usize(..message.len().max(1));
            message.get_mut(at).into_iter().for_each(|byte| *byte = random.u8(..));
        }
        message.truncate(random.usize(..=message.len()));
        library.call(&message);
    }
}
