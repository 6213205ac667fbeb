//! Waiting for what is to come.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Waits until a condition holds, a minute at most; panics with its name if it never does.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(5);
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        sleep(pause);
        // What is asked often may keep from its work what is waited for.
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}
