//! The kernel's counters of dropped packets.

use std::{fs, io};

use model::CounterValues;

use crate::Error;

/// Of the network namespace of this thread. Any user may read it.
const FILE: &str = "/proc/thread-self/net/xfrm_stat";

/// Reads the kernel's counters of packets that XFRM has dropped in this thread's network namespace, which
/// needs no privilege.
///
/// Errors: [`Error::NoCounters`] if the kernel was built without them, [`Error::Counters`].
pub fn counters() -> Result<CounterValues, Error> {
    let text = fs::read_to_string(FILE).map_err(no_counters)?;
    CounterValues::parse(&text).map_err(|source| Error::Counters { path: FILE, source })
}

fn no_counters(source: io::Error) -> Error {
    Error::NoCounters { path: FILE, source }
}
