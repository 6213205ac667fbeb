//! The loop: whatever happens, the SPD is compared with what was asked, and set right.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{Caretaker, Monitor, MonitorError, SetRight};
use ipsecd::Supervisor;
use model::Variables;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tracing::{debug, info, warn};

use crate::{
    directory::Directory,
    error::Error,
    logging::Logging,
    reason::Reason,
    services::Services,
    signals::{self, Signals},
};

/// When to try again what has failed: at first, and at last.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// How many events are read before anything is done about them.
const AT_ONCE: usize = 10_000;

/// How long events are left to come after some have come: a flood would wake this thread for each.
const PAUSE: Duration = Duration::from_millis(5);

/// The daemon at work.
pub struct Watch {
    caretaker: Caretaker,
    monitor: Monitor,
    directory: Directory,
    signals: Signals,
    logging: Logging,
    supervisor: Arc<Supervisor>,
    services: Services,
    variables: Variables,
    /// Why something may be wrong, if it may be.
    reason: Option<Reason>,
    /// Not to look before.
    rest_until: Instant,
    /// Events have come just now.
    is_flooded: bool,
    /// How long to wait after the next failure.
    patience: Duration,
    /// All that was set right so far.
    total: SetRight,
}

impl Watch {
    /// Takes over what was opened before the privileges went.
    pub fn new(
        mut caretaker: Caretaker,
        monitor: Monitor,
        directory: Directory,
        signals: Signals,
        logging: Logging,
        supervisor: Arc<Supervisor>,
        services: Services,
    ) -> Result<Self, Error> {
        let variables = caretaker.variables()?.clone();
        logging.follow(&variables);
        Ok(Self {
            caretaker,
            monitor,
            directory,
            signals,
            logging,
            supervisor,
            services,
            variables,
            reason: None,
            rest_until: Instant::now(),
            is_flooded: false,
            patience: RETRY[0],
            total: SetRight::default(),
        })
    }

    /// Follows what happens until a signal ends it.
    pub fn run(mut self) -> Result<(), Error> {
        self.set_right(&Reason::new("start"));
        self.supervisor.ready(&self.status());
        info!(directory = %self.caretaker.namespace().directory().display(), "{}", self.status());
        loop {
            self.wait()?;
            if self.signals.take_stop() {
                self.supervisor.stopping();
                info!("stopped by a signal");
                if self.supervisor.keeps_files() {
                    self.services.store();
                }
                return Ok(());
            }
            if self.signals.take_reload() {
                self.reload()?;
            }
            if self.signals.take_execute() {
                self.supervisor.reloading();
                signals::block()?;
                self.services.execute();
                signals::unblock()?;
                self.supervisor.ready(&self.status());
            }
            self.take_events()?;
            if self.directory.variables_changed()? {
                self.read_variables();
            }
            if Instant::now() >= self.rest_until
                && let Some(reason) = self.reason.take()
            {
                self.set_right(&reason);
            }
        }
    }

    /// Waits for news, or until it is time to look.
    fn wait(&self) -> Result<(), Error> {
        let mut files = [
            PollFd::new(&self.directory, PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals.stop(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals.reload(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals.execute(), PollFlags::IN),
            PollFd::new(&self.monitor, PollFlags::IN),
        ];
        let rest = || self.rest_until.saturating_duration_since(Instant::now());
        let look = self.reason.as_ref().map(|_| rest());
        let (files, timeout) = if self.is_flooded {
            (&mut files[..4], Some(look.map_or(PAUSE, |look| look.min(PAUSE))))
        } else {
            (&mut files[..], look)
        };
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(files, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(Error::Wait(error)),
        }
    }

    /// Reads the events that are there.
    fn take_events(&mut self) -> Result<(), Error> {
        let mut taken = 0;
        while taken < AT_ONCE || self.monitor.has_received() {
            match self.monitor.try_next_event() {
                Ok(None) => break,
                Ok(Some(event)) if self.caretaker.concerns(&event) => {
                    self.look(Reason::of(&event));
                }
                Ok(Some(_)) => {}
                Err(error @ MonitorError::Malformed(_)) => {
                    warn!("{error}");
                    self.look(Reason::new("an event cannot be read"));
                }
                Err(error) => return Err(error.into()),
            }
            taken += 1;
        }
        self.is_flooded = taken > 0;
        Ok(())
    }

    fn look(&mut self, reason: Reason) {
        debug!(why = %reason, "something may be wrong");
        match &mut self.reason {
            Some(first) => first.join(&reason),
            none => *none = Some(reason),
        }
    }

    /// Somebody may have set a variable.
    fn read_variables(&mut self) {
        match self.caretaker.variables() {
            Ok(now) if *now == self.variables => {}
            Ok(now) => {
                self.variables = now.clone();
                self.logging.follow(&self.variables);
                self.look(Reason::new("variables were set"));
            }
            Err(error) => warn!("{error}"),
        }
    }

    /// Begins as at the start, with files opened anew.
    fn reload(&mut self) -> Result<(), Error> {
        self.supervisor.reloading();
        self.caretaker = Caretaker::open()?;
        self.read_variables();
        self.services.reload(self.caretaker.port());
        self.reason = None;
        self.set_right(&Reason::new("SIGHUP"));
        self.supervisor.ready(&self.status());
        Ok(())
    }

    /// Makes the SPD what it should be. Whatever fails is tried again.
    fn set_right(&mut self, reason: &Reason) {
        let begun = Instant::now();
        match self.caretaker.set_right() {
            Ok(done) => {
                self.tell(done, reason);
                self.patience = RETRY[0];
                // In a flood of events, half of the time at most is spent on this: who loads a large
                // SPD must not wait for it again and again.
                self.rest_until = Instant::now() + begun.elapsed();
            }
            Err(error) => {
                warn!(why = %reason, "cannot set right, trying again: {error}");
                self.look(Reason::new("it failed before"));
                self.rest_until = begun + self.patience;
                self.patience = RETRY[1].min(self.patience * 2);
            }
        }
    }

    fn tell(&mut self, done: SetRight, reason: &Reason) {
        if done == SetRight::default() {
            debug!(why = %reason, "nothing is wrong");
        } else {
            let SetRight { policies, catch_alls, df_rule } = done;
            info!(policies, catch_alls, df_rule, why = %reason, "set right");
            self.total.policies += policies;
            self.total.catch_alls += catch_alls;
        }
        self.supervisor.status(&self.status());
    }

    fn status(&self) -> String {
        let SetRight { policies, catch_alls, .. } = self.total;
        let tunnels = self.caretaker.followed_tunnels();
        format!(
            "following {tunnels} tunnels; {policies} policies rewritten, {catch_alls} catch-alls \
             restored"
        )
    }
}
