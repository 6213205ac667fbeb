//! The main loop: after each event that may matter, the SPD is compared with the requested policies and reconciled.

mod reason;
mod run_directory;
mod watchdog;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{EventMonitor, Reconciled, Reconciler};
use model::{EventGroup, Variables};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tracing::{debug, info, warn};

use crate::{
    Error, ServiceManager,
    logging::Logging,
    services::Services,
    signals::{self, DaemonSignals},
};
use reason::ReconcileReason;
use watchdog::Watchdog;

pub(crate) use run_directory::RunDirectory;

/// The first and the longest pause before a failed reconciliation is repeated.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Events that are read before the loop goes on.
const EVENTS_A_TURN: usize = 10_000;

/// After events, how long more of them may gather: in a flood, each would wake this thread.
const GATHER: Duration = Duration::from_millis(5);

/// How often the use of partial policies is read, and the part of the time that this may take.
const USE_INTERVAL: Duration = Duration::from_millis(500);
const USE_SHARE: u32 = 10;

/// What the daemon has opened before it gave up its privileges.
pub(crate) struct Opened {
    pub(crate) reconciler: Reconciler,
    pub(crate) monitor: EventMonitor,
    /// `None`: it cannot be watched.
    pub(crate) run_directory: Option<RunDirectory>,
    pub(crate) signals: DaemonSignals,
    pub(crate) logging: Logging,
    pub(crate) service_manager: Arc<ServiceManager>,
    pub(crate) services: Services,
}

/// The main loop and its state.
pub(crate) struct EventLoop {
    opened: Opened,
    /// The host's variables when they were last read.
    variables: Variables,
    /// Why the SPD is to be reconciled, if it is.
    pending: Option<ReconcileReason>,
    /// Not to reconcile before.
    not_before: Instant,
    /// When to read the use of partial policies next, if there are some.
    next_use: Instant,
    /// The monitor has joined the group of SAs.
    reads_sas: bool,
    /// Events were read in the last turn.
    had_events: bool,
    /// The pause after the next failure.
    retry_after: Duration,
    /// The sum of all reconciliations so far.
    total: Reconciled,
    watchdog: Watchdog,
}

impl EventLoop {
    pub(crate) fn new(mut opened: Opened) -> Self {
        let variables = opened.reconciler.variables().unwrap_or_else(|error| {
            warn!(%error, "variables not read");
            Variables::default()
        });
        opened.logging.follow(&variables);
        Self {
            opened,
            variables,
            pending: None,
            not_before: Instant::now(),
            next_use: Instant::now(),
            reads_sas: true,
            had_events: false,
            retry_after: RETRY[0],
            total: Reconciled::default(),
            watchdog: Watchdog::from_environment(),
        }
    }

    /// Runs until a signal ends it.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        self.reconcile(&ReconcileReason::new("start"));
        self.ready();
        let directory = self.opened.reconciler.namespace().directory();
        info!(directory = %directory.display(), status = self.status(), "started");
        loop {
            self.wait()?;
            self.watchdog.comes_round(&self.opened.services, &self.opened.service_manager);
            if self.opened.signals.take_stop() {
                self.stop();
                return Ok(());
            }
            if self.opened.signals.take_reload() {
                self.reload();
            }
            if self.opened.signals.take_execute() {
                self.execute()?;
            }
            self.read_events()?;
            if let Some(directory) = &self.opened.run_directory
                && directory.variables_changed()?
            {
                self.read_variables();
            }
            if Instant::now() >= self.not_before
                && let Some(reason) = self.pending.take()
            {
                self.reconcile(&reason);
            }
            if self.opened.reconciler.has_partial_policies() && Instant::now() >= self.next_use {
                self.acquire_sas();
            }
        }
    }

    /// Waits for events, or until a pending reconciliation may begin, or the use of policies is to be
    /// read.
    fn wait(&self) -> Result<(), Error> {
        let Opened { reconciler, run_directory, signals, monitor, .. } = &self.opened;
        let times = [
            self.pending.as_ref().map(|_| self.not_before),
            reconciler.has_partial_policies().then_some(self.next_use),
            self.had_events.then(|| Instant::now() + GATHER),
        ];
        let pause = |time: Instant| time.saturating_duration_since(Instant::now());
        let pause = times.into_iter().flatten().min().map(pause);
        let timeout = pause.into_iter().chain(self.watchdog.timeout()).min();
        let mut slots = vec![
            PollFd::from_borrowed_fd(signals.stop(), PollFlags::IN),
            PollFd::from_borrowed_fd(signals.reload(), PollFlags::IN),
            PollFd::from_borrowed_fd(signals.execute(), PollFlags::IN),
        ];
        slots.extend(run_directory.as_ref().map(|it| PollFd::new(it, PollFlags::IN)));
        if !self.had_events {
            slots.push(PollFd::new(monitor, PollFlags::IN));
        }
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut slots, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(Error::Poll(errno.into())),
        }
    }

    /// Reads the events that have come.
    fn read_events(&mut self) -> Result<(), Error> {
        let mut count = 0;
        while count < EVENTS_A_TURN || self.opened.monitor.has_received() {
            match self.opened.monitor.try_next_event() {
                Ok(None) => break,
                Ok(Some(event)) if self.opened.reconciler.concerns(&event) => {
                    self.request(ReconcileReason::of(&event));
                }
                Ok(Some(_)) => {}
                Err(error) if error.is_malformed() => {
                    warn!(%error, "event not read");
                    self.request(ReconcileReason::new("unreadable event"));
                }
                Err(error) => return Err(error.into()),
            }
            count += 1;
        }
        self.had_events = count > 0;
        Ok(())
    }

    /// Has the SPD reconciled as soon as it may be.
    fn request(&mut self, reason: ReconcileReason) {
        debug!(%reason, "reconcile requested");
        match &mut self.pending {
            Some(first) => first.join(&reason),
            none => *none = Some(reason),
        }
    }

    /// Reads the host's variables, which may have changed.
    fn read_variables(&mut self) {
        match self.opened.reconciler.variables() {
            Ok(now) if now == self.variables => {}
            Ok(now) => {
                self.variables = now;
                self.opened.logging.follow(&self.variables);
                self.request(ReconcileReason::new("variables were set"));
            }
            Err(error) => warn!(%error, "variables not read"),
        }
    }

    /// SIGTERM, SIGINT: ends the services.
    fn stop(&mut self) {
        self.opened.service_manager.stopping();
        info!("stopped by a signal");
        self.opened.services.stop();
    }

    /// SIGHUP: opens everything again, as at the start.
    fn reload(&mut self) {
        self.opened.service_manager.reloading();
        match Reconciler::open() {
            Ok(reconciler) => self.opened.reconciler = reconciler,
            // For instance for want of descriptors: the one that is open goes on.
            Err(error) => warn!(%error, "not opened again"),
        }
        self.read_variables();
        self.opened.services.reload(self.opened.reconciler.port());
        self.pending = None;
        self.reconcile(&ReconcileReason::new("SIGHUP"));
        self.ready();
    }

    /// SIGUSR2: executes the installed program. Returns if that fails.
    fn execute(&mut self) -> Result<(), Error> {
        self.opened.service_manager.reloading();
        signals::block()?;
        self.opened.services.execute();
        signals::unblock()?;
        self.ready();
        Ok(())
    }

    /// Reports that the daemon is ready, if all services listen.
    fn ready(&self) {
        let status = self.status();
        if self.opened.services.missing().is_empty() {
            self.opened.service_manager.ready(&status);
        } else {
            self.opened.service_manager.status(&status);
        }
    }

    /// Reconciles the SPD. A failure is logged, and the reconciliation repeated later.
    fn reconcile(&mut self, reason: &ReconcileReason) {
        let begun = Instant::now();
        match self.opened.reconciler.reconcile() {
            Ok(done) => {
                self.log(done, reason);
                self.retry_after = RETRY[0];
                // Takes at most half of the time: a program that loads a large SPD does not have to wait for
                // the lock again and again.
                self.not_before = Instant::now() + begun.elapsed();
                self.join_or_leave();
            }
            Err(error) => {
                let retry_in = self.retry_after;
                warn!(%reason, ?retry_in, %error, "reconcile failed");
                self.request(ReconcileReason::new("retry"));
                self.not_before = begun + self.retry_after;
                self.retry_after = RETRY[1].min(self.retry_after * 2);
            }
        }
    }

    /// Joins or leaves the group of SAs. Without a policy that depends on SAs, each SA of an IKE daemon
    /// would wake this thread, before the daemon has the answer.
    fn join_or_leave(&mut self) {
        let depends = self.opened.reconciler.depends_on_sas();
        if depends == self.reads_sas {
            return;
        }
        let monitor = &mut self.opened.monitor;
        let group = EventGroup::Sa;
        match if depends { monitor.join(group) } else { monitor.leave(group) } {
            Ok(()) => {
                self.reads_sas = depends;
                // SAs may have changed before it joined.
                if depends {
                    self.request(ReconcileReason::new("policies depend on SAs"));
                }
            }
            Err(error) => warn!(%error, depends, "group of SAs not joined or left"),
        }
    }

    /// Requests the SAs of partial policies that packets have used.
    fn acquire_sas(&mut self) {
        let begun = Instant::now();
        match self.opened.reconciler.acquire_sas() {
            Ok(0) => {}
            Ok(policies) => debug!(policies, "SAs requested"),
            Err(error) => warn!(%error, "SAs not requested"),
        }
        self.next_use = begun + USE_INTERVAL.max(begun.elapsed() * USE_SHARE);
    }

    fn log(&mut self, done: Reconciled, reason: &ReconcileReason) {
        if done == Reconciled::default() {
            debug!(%reason, "no changes needed");
        } else {
            let Reconciled { policies, catch_alls, df_rule } = done;
            info!(policies, catch_alls, df_rule, %reason, "reconciled");
            self.total.policies += policies;
            self.total.catch_alls += catch_alls;
        }
        self.opened.service_manager.status(&self.status());
    }

    /// The status line for the service manager and the log.
    fn status(&self) -> String {
        let Reconciled { policies, catch_alls, .. } = self.total;
        let tunnels = self.opened.reconciler.optional_tunnels();
        let missing = self.opened.services.missing();
        let missing = missing.iter().map(|service| format!("; not started: {service}"));
        let missing = missing.collect::<String>();
        format!(
            "tunnels followed: {tunnels}; policies rewritten: {policies}; catch-alls restored: {catch_alls}{missing}"
        )
    }
}
