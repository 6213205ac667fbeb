//! `ipsecctl monitor`: what happens in the SAD and SPD, as lines or JSON.

mod event;
mod origin;
mod tables;

use std::{io::Write, process::ExitCode};

use chrono::{Local, SecondsFormat};
use cli::json::{Document, EventJson};
use engine::EventMonitor;
use model::{Event, EventGroup};

use crate::{
    Error,
    filter::Filter,
    output::{self, Output},
};
use origin::Origins;
use tables::TableCopies;

/// Print what happens to SAs and policies in this network namespace, a line an event.
///
/// Keys are never printed. If events are lost, that is reported, the tables are read again, and what has
/// changed meanwhile is printed.
#[derive(clap::Args)]
pub struct Monitor {
    /// Print JSON, a document a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Monitor {
    /// Prints events until it is interrupted.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        output::print(|out| {
            let mut events = EventMonitor::open_reading_ahead(&EventGroup::ALL)?;
            let mut tables = TableCopies::read()?;
            let mut origins = Origins::default();
            loop {
                // What has come together is written together.
                if !events.has_received() {
                    out.flush()?;
                }
                let event = match events.next_event() {
                    Err(error) if error.is_malformed() => {
                        cli::print_error("ipsecctl", &error);
                        continue;
                    }
                    event => event?,
                };
                if event == Event::MonitorLost {
                    self.recover(&mut tables, out)?;
                } else if let Some(json) = tables.apply(&event) {
                    let by = event.origin().and_then(|origin| origins.find(origin));
                    self.print(EventJson { by, ..json }, out)?;
                }
            }
        })
    }

    fn recover(&self, tables: &mut TableCopies, out: &mut Output) -> Result<(), Error> {
        self.print(event::of_no_entry(&Event::MonitorLost), out)?;
        for event in tables.recover()? {
            self.print(event, out)?;
        }
        let entries = Some(tables.entries());
        self.print(EventJson { event: "recovered", entries, ..EventJson::default() }, out)
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
