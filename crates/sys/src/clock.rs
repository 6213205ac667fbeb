//! The clocks. rustix's functions are not used for them: they panic where there is a vDSO without
//! `__vdso_clock_gettime`.

use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

/// Seconds since 1970, UTC; 0 before.
#[must_use]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// CLOCK_MONOTONIC (clock_gettime(2)), for those that need its value: `std::time::Instant` keeps it to
/// itself. Allocates nothing, and may be called in a signal handler.
#[must_use]
pub fn monotonic() -> Duration {
    // The kernel has had the clock since Linux 2.6.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use std::{thread, time::UNIX_EPOCH};

    use super::*;

    #[test]
    fn the_clocks_go_forward() {
        let before = monotonic();
        thread::sleep(Duration::from_millis(2));
        assert!(monotonic() >= before + Duration::from_millis(2));
        let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
        assert!(unix_seconds().abs_diff(now) <= 1);
    }
}
