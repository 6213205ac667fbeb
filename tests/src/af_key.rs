//! A kernel without AF_KEY.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::Outcome;

/// How long others may keep PF_KEY sockets open.
const PATIENCE: Duration = Duration::from_secs(20);

/// While this is there the kernel is without AF_KEY, unless a program opens a PF_KEY socket.
pub struct WithoutAfKey(());

impl WithoutAfKey {
    /// Unloads the module.
    #[must_use]
    pub fn new() -> Self {
        let begun = Instant::now();
        loop {
            let outcome = Outcome::of(Command::new("rmmod").arg("af_key"));
            if !Self::has_af_key() {
                return Self(());
            }
            assert!(begun.elapsed() < PATIENCE, "{outcome:?}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Whether the kernel has it.
    #[must_use]
    pub fn has_af_key() -> bool {
        Path::new("/proc/net/pfkey").exists()
    }
}

impl Default for WithoutAfKey {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for WithoutAfKey {
    fn drop(&mut self) {
        let loader = fs::read_to_string("/proc/sys/kernel/modprobe").unwrap_or_default();
        // Who needs it and misses it will say so.
        let _ = Command::new(loader.trim()).arg("af_key").status();
    }
}
