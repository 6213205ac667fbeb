//! `ipsecctl monitor`: what happens in the SAD and SPD, as lines or JSON.

mod event;
mod origin;
mod sources;
mod tables;

use std::{io::Write, process::ExitCode};

use chrono::{Local, SecondsFormat};
use cli::json::{Document, EventJson};
use engine::EventMonitor;
use model::{Event, EventGroup};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::retry_on_intr,
};

use crate::{
    Error,
    filter::Filter,
    output::{self, Output},
};
use origin::Origins;
use sources::{INTERVAL, Sources};

/// Print what happens to SAs and policies in this network namespace, or in all, a line an event.
///
/// Keys are never printed. If events are lost, that is reported, the tables are read again, and what has
/// changed meanwhile is printed.
#[derive(clap::Args)]
pub struct Monitor {
    /// Print JSON, a document a line
    #[arg(long)]
    json: bool,
    /// Print the events of all network namespaces that have a name in /run/netns, or a number here
    #[arg(long)]
    all_netns: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Monitor {
    /// Prints events until it is interrupted.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        output::print(|out| {
            let mut events = self.open()?;
            let mut sources = Sources::read(self.all_netns)?;
            let mut origins = Origins::default();
            loop {
                // What has come together is written together.
                if !events.has_received() {
                    self.wait(&events, &mut sources, out)?;
                }
                let event = match events.next_event() {
                    Err(error) if error.is_malformed() => {
                        cli::print_error("ipsecctl", &error);
                        continue;
                    }
                    event => event?,
                };
                if event == Event::MonitorLost {
                    self.print(event::of_no_entry(&Event::MonitorLost), out)?;
                    self.print_all(sources.recover()?, out)?;
                    continue;
                }
                self.print_all(sources.find(events.namespace())?, out)?;
                if let Some(json) = sources.apply(&event, events.namespace()) {
                    let ports = sources.ports_of(events.namespace());
                    let by = event.origin().and_then(|origin| origins.find(origin, ports));
                    self.print(EventJson { by, ..json }, out)?;
                }
            }
        })
    }

    fn open(&self) -> Result<EventMonitor, Error> {
        let open = if self.all_netns {
            EventMonitor::open_of_all_namespaces
        } else {
            EventMonitor::open_reading_ahead
        };
        Ok(open(&EventGroup::ALL)?)
    }

    /// Writes what was printed, and looks for network namespaces until there is an event.
    fn wait(
        &self,
        events: &EventMonitor,
        sources: &mut Sources,
        out: &mut Output,
    ) -> Result<(), Error> {
        out.flush()?;
        if !self.all_netns {
            return Ok(());
        }
        let interval = Timespec::try_from(INTERVAL).unwrap_or_default();
        loop {
            self.print_all(sources.look()?, out)?;
            out.flush()?;
            let mut file = [PollFd::new(events, PollFlags::IN)];
            let polled = retry_on_intr(|| poll(&mut file, Some(&interval)));
            if polled.map_err(Error::Namespaces)? > 0 {
                return Ok(());
            }
        }
    }

    fn print_all(&self, events: Vec<EventJson>, out: &mut Output) -> Result<(), Error> {
        events.into_iter().try_for_each(|event| self.print(event, out))
    }

    fn print(&self, mut event: EventJson, out: &mut Output) -> Result<(), Error> {
        if !self.filter.has_event(&event) {
            return Ok(());
        }
        event.time = Local::now().to_rfc3339_opts(SecondsFormat::Micros, false);
        if self.json {
            let event = Some(Box::new(event));
            return Ok(Document { event, ..Document::default() }.write_line(out)?);
        }
        Ok(writeln!(out, "{}", event::line(&event))?)
    }
}
