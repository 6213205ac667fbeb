use std::{
    env, process,
    time::{Duration, Instant},
};

use tracing::warn;

use crate::{ServiceManager, services::Services};

/// Notifies the service manager that every loop of the daemon comes round (`WATCHDOG=1`, sd_notify(3)).
/// The manager restarts a daemon that does not notify it for `WATCHDOG_USEC` microseconds.
pub(super) struct Watchdog {
    /// The time between two notifications; `None` if the manager does not want them.
    pause: Option<Duration>,
    next: Instant,
}

impl Watchdog {
    pub(super) fn from_environment() -> Self {
        let variable = |name| env::var(name).ok();
        let pause = pause(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"), process::id());
        Self { pause, next: Instant::now() }
    }

    /// How long the main loop may wait.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.pause.map(|_| self.next.saturating_duration_since(Instant::now()))
    }

    /// Called by the main loop when it comes round. Notifies the manager, if it is time and every service
    /// has come round as well since the last time.
    pub(super) fn comes_round(&mut self, services: &Services, manager: &ServiceManager) {
        let Some(pause) = self.pause else { return };
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + pause;
        if services.have_come_round() {
            manager.watchdog();
        } else {
            warn!("a service has not come round");
        }
    }
}

/// A quarter of the manager's interval: a service has come round in time if it takes less than half of it.
fn pause(microseconds: Option<String>, for_pid: Option<String>, pid: u32) -> Option<Duration> {
    if for_pid.is_some_and(|word| word.parse() != Ok(pid)) {
        return None;
    }
    let word = microseconds?;
    let interval = word.parse().inspect_err(|_| warn!(WATCHDOG_USEC = word, "not used"));
    let interval = interval.ok().filter(|microseconds| *microseconds > 0)?;
    Some(Duration::from_micros(interval) / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_for_one_process() {
        let given = |microseconds: &str, pid: Option<&str>| {
            pause(Some(microseconds.into()), pid.map(Into::into), 42)
        };
        assert_eq!(given("4000000", Some("42")), Some(Duration::from_secs(1)));
        assert_eq!(given("4000000", None), Some(Duration::from_secs(1)));
        assert_eq!(given("4000000", Some("41")), None);
        assert_eq!(given("0", None), None);
        assert_eq!(given("soon", None), None);
        assert_eq!(pause(None, None, 42), None);
    }
}
