//! `ipsecctl trace`: the packets that IPsec drops, as they are dropped, and the policies and SAs that do it.

mod attribution;
mod cause;
mod counted;
mod head;
mod ledger;
mod limit;
mod line;
mod pcap;
mod place;
mod reasons;
mod tracer;
mod watched;

use std::{
    io::Write,
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use cli::{Second, Signals};
use drop_monitor::DropMonitor;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::{
    Error,
    filter::Filter,
    output::{self, Output},
};
use tracer::Tracer;

/// Bytes of a packet that are read: its headers, also inside AH and IPv6.
const HEAD: u32 = 256;

/// Packets that wait in the kernel, for each processor.
const QUEUE: u32 = 4096;

/// How often counters are read.
const INTERVAL: Duration = Duration::from_secs(1);

/// Print the packets that IPsec drops in this network namespace, and the policies and SAs that drop them.
///
/// The kernel's drop monitor (module drop_monitor) reports packets one by one; where there is none, counters
/// and failures of SAs are read once a second. It takes CAP_NET_ADMIN and CAP_SYS_ADMIN. Keys are never
/// printed.
#[derive(clap::Args)]
pub struct Trace {
    /// Print every packet that the kernel drops here, for whatever reason
    #[arg(long)]
    all: bool,
    /// End after so many drops
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
    /// End after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<NonZeroU32>,
    /// Write the heads of the packets to a new file, which contains decrypted bytes
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Print at most so many drops a second, and how many more there were
    #[arg(long, value_name = "N", default_value = "20")]
    rate: NonZeroU32,
    /// Print JSON, a document a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Trace {
    /// Prints drops until it is interrupted, or as many or as long as was requested.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        // A second signal ends the process also while its output is not read.
        let signals = Signals::catch(Second::EndsAtOnce)?;
        output::print(|out| {
            let mut tracer = Tracer::open(self)?;
            let mut monitor = match DropMonitor::start(HEAD, QUEUE) {
                Ok(monitor) => Some(monitor),
                Err(error) => {
                    let instead = "counters are read once a second instead of packets";
                    cli::print_error("ipsecctl", &format!("{error}: {instead}"));
                    None
                }
            };
            let begun = tracer.begin();
            let followed =
                begun.and_then(|()| self.follow(&mut monitor, &mut tracer, &signals, out));
            // Whatever has ended it, the kernel is as it was before.
            let stopped = monitor.map_or(Ok(()), DropMonitor::stop);
            followed?;
            Ok(stopped?)
        })
    }

    fn follow(
        &self,
        monitor: &mut Option<DropMonitor>,
        tracer: &mut Tracer<'_>,
        signals: &Signals,
        out: &mut Output,
    ) -> Result<(), Error> {
        let begin = Instant::now();
        let end = self.seconds.map(|it| begin + Duration::from_secs(it.get().into()));
        let mut tick = begin + INTERVAL;
        loop {
            let until = end.map_or(tick, |end| end.min(tick));
            wait(monitor.as_ref(), signals, until)?;
            if let Some(monitor) = monitor {
                tracer.read(monitor, out)?;
            }
            let now = Instant::now();
            let is_over = signals.received().is_some() || end.is_some_and(|end| now >= end);
            if now >= tick || is_over {
                tracer.end_interval(monitor.as_mut(), is_over, out)?;
                tick = now + INTERVAL;
            }
            out.flush()?;
            if is_over || tracer.has_all() {
                return Ok(());
            }
        }
    }
}

/// Waits for an alert, a signal or this time.
fn wait(monitor: Option<&DropMonitor>, signals: &Signals, until: Instant) -> Result<(), Error> {
    let rest = until.saturating_duration_since(Instant::now());
    let rest = Timespec::try_from(rest).unwrap_or_default();
    let mut files = vec![PollFd::from_borrowed_fd(signals.wake(), PollFlags::IN)];
    files.extend(monitor.map(|monitor| PollFd::new(monitor, PollFlags::IN)));
    match poll(&mut files, Some(&rest)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(std::io::Error::from(errno).into()),
    }
}
