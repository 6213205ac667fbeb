//! The clock and sleep, for code that may run in a signal handler.

use std::time::Duration;

use rustix::{
    thread::{NanosleepRelativeResult, nanosleep},
    time::Timespec,
};

/// Milliseconds of the monotonic clock.
pub(crate) fn now() -> u64 {
    u64::try_from(sys::clock::monotonic().as_millis()).unwrap_or(u64::MAX)
}

/// Sleeps, also when signals are handled meanwhile.
pub(crate) fn pause(time: Duration) {
    let Ok(mut rest) = Timespec::try_from(time) else { return };
    while let NanosleepRelativeResult::Interrupted(more) = nanosleep(&rest) {
        rest = more;
    }
}
