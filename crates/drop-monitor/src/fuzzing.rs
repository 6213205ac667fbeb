//! The door of the fuzz target: it exists with `--cfg fuzzing` alone.

use crate::{Alert, AlertConfiguration};

/// Reads a datagram of the kernel in the ways in which it is read.
#[must_use]
pub fn datagram(bytes: &[u8]) -> Option<Alert> {
    let _ = AlertConfiguration::read(bytes.get(20..).unwrap_or_default());
    Alert::read(bytes).ok().flatten()
}
