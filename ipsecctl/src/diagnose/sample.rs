//! Two samples of the tables and counters, and what happens between them.

use std::{
    io,
    time::{Duration, Instant},
};

use ::diagnose::{Observation, Sample};
use engine::{EventMonitor, listeners};
use model::{Acquire, Event, EventGroup, SaEntry};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, retry_on_intr},
};

use super::{capture::Capture, host, host::Interfaces, routes};
use crate::{Error, tables};

/// Events of a kind that are kept at most.
const MOST_EVENTS: usize = 1000;

/// What was observed, and why packets could not be captured.
pub struct Observed {
    pub observation: Observation,
    pub not_captured: Option<io::Error>,
}

/// Observes the network namespace of this thread for so long.
pub fn observe(duration: Duration) -> Result<Observed, Error> {
    // Before this program itself may receive ACQUIREs.
    let has_key_manager = listeners().map_err(Error::Processes)?.of_acquires > 0;
    let interfaces = Interfaces::read().map_err(Error::Interfaces)?;
    let capture = Capture::open(interfaces.devices.clone());
    let (mut capture, not_captured) = match capture {
        Ok(capture) => (Some(capture), None),
        Err(error) => (None, Some(error)),
    };
    // A monitor of ACQUIREs makes the kernel add larval SAs, which it does already with a key manager.
    let groups: &[EventGroup] = if has_key_manager {
        &[EventGroup::Expire, EventGroup::Acquire]
    } else {
        &[EventGroup::Expire]
    };
    let mut events =
        Events { monitor: EventMonitor::open(groups)?, acquires: vec![], expired: vec![] };
    let start = sys::clock::unix_seconds();
    let before = sample()?;
    wait(Instant::now() + duration, &mut events, &mut capture)?;
    let after = sample()?;
    // What the second sample has counted is captured before it.
    events.read()?;
    let seen = capture.map(|mut capture| capture.read().map(|()| capture.finish()));
    let seen = seen.transpose().map_err(Error::Capturing)?;
    let host = host::read(interfaces.addrs, has_key_manager, seen.as_deref().unwrap_or_default());
    let Events { acquires, expired, .. } = events;
    let mut observation = Observation { before, after, start, seen, acquires, expired, host };
    observation.host.routes = routes::read(&observation).map_err(Error::Interfaces)?;
    Ok(Observed { observation, not_captured })
}

fn sample() -> Result<Sample, Error> {
    // A counter is read before the tables, so that what it has counted is in them.
    let (counters, network) = (engine::counters()?, host::counters());
    Ok(Sample { tables: tables::all()?, counters, network })
}

/// The events that matter.
struct Events {
    monitor: EventMonitor,
    acquires: Vec<Acquire>,
    expired: Vec<SaEntry>,
}

impl Events {
    fn read(&mut self) -> Result<(), Error> {
        loop {
            match self.monitor.try_next_event() {
                Ok(Some(Event::Acquire(acquire))) if self.acquires.len() < MOST_EVENTS => {
                    self.acquires.push(*acquire);
                }
                Ok(Some(Event::SaExpired { entry, hard: true, .. }))
                    if self.expired.len() < MOST_EVENTS =>
                {
                    self.expired.push(*entry);
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) if error.is_malformed() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn wait(
    deadline: Instant,
    events: &mut Events,
    capture: &mut Option<Capture>,
) -> Result<(), Error> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let timeout = Timespec::try_from(left).unwrap_or_default();
        let capturing = capture.as_ref().filter(|capture| !capture.is_full());
        let mut files = vec![PollFd::new(&events.monitor, PollFlags::IN)];
        files.extend(capturing.map(|capture| PollFd::new(capture, PollFlags::IN)));
        let polled = retry_on_intr(|| poll(&mut files, Some(&timeout)));
        polled.map_err(|error: Errno| Error::Capturing(error.into()))?;
        events.read()?;
        if let Some(capture) = capture {
            capture.read().map_err(Error::Capturing)?;
        }
    }
}
