use std::time::{Duration, Instant};

use crate::policy::tunnels::Tunnels;

/// What has to be known of the policies in the SPD to add to it: read once, then kept up to date
/// with what is added here.
#[derive(Default)]
pub struct SpdView {
    /// The tunnels.
    pub tunnels: Tunnels,
    /// When the kernel's policies were noted.
    read_at: Option<Instant>,
    /// Whether the program has waited for its input since.
    has_waited: bool,
}

/// How long it is taken as it was read while a program waits for its input: a stream of statements that
/// come one by one reads the SPD once a second at most.
const FRESH: Duration = Duration::from_secs(1);

impl SpdView {
    /// What all policies of the kernel were read into.
    pub fn read(tunnels: Tunnels) -> Self {
        Self { tunnels, read_at: Some(Instant::now()), has_waited: false }
    }

    /// Notes that the program waits for its input, while others may change policies.
    pub fn wait(&mut self) {
        self.has_waited = true;
    }

    /// Whether it is what the kernel has, but for changes of others while this program had work to do.
    pub fn is_current(&self) -> bool {
        self.read_at.is_some_and(|read| !self.has_waited || read.elapsed() < FRESH)
    }
}
