//! The door of the fuzz target: it exists with `--cfg fuzzing` alone.

use std::cell::LazyCell;

use xfrm::Devices;

use super::format::{of_body, read, write};

thread_local! {
    static DEVICES: LazyCell<Devices> =
        LazyCell::new(|| Devices::of_any_socket().expect("a netlink socket"));
}

/// Reads a file of saved SAs. Of one that can be read, what was read is written and read again: the second file is the
/// first. The same is done with a file of these records, whose digest is right.
///
/// Panics: if it is not.
pub fn saved(bytes: &[u8]) {
    DEVICES.with(|devices| {
        for file in [bytes.to_vec(), of_body(bytes)] {
            let Ok((saved, _)) = read(&file, devices) else { continue };
            let written = write(&saved);
            let (again, _) = read(&written, devices).expect("what was written is read");
            assert_eq!(write(&again)[..], written[..]);
        }
    });
}
