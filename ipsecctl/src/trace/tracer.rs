//! Alerts and counters, joined and printed.

use std::{
    io::Write,
    time::{Instant, SystemTime},
};

use chrono::{DateTime, Local, SecondsFormat};
use cli::{
    Keys, PolicyJson, SaJson,
    json::{Document, DropJson, Fingerprints},
};
use drop_monitor::{Alert, DropMonitor};
use engine::Namespace;

use super::{
    HEAD, Trace, attribution,
    cause::DropCause,
    counted,
    head::Head,
    ledger::Ledger,
    limit::LineLimit,
    line,
    pcap::Pcap,
    place::{DropPlace, LocalDevices},
    reasons,
    watched::Watched,
};
use crate::{Error, explain::json, output::Output};

/// What is known while drops are printed.
pub struct Tracer<'a> {
    options: &'a Trace,
    fingerprints: Fingerprints,
    ledger: Ledger,
    /// None without CAP_NET_ADMIN.
    watched: Option<Watched>,
    devices: LocalDevices,
    limit: LineLimit,
    pcap: Option<Pcap>,
    /// What the kernel had not reported until now.
    lost: Option<u64>,
    printed: u64,
}

impl<'a> Tracer<'a> {
    /// Reads counters and tables.
    pub fn open(options: &'a Trace) -> Result<Self, Error> {
        let create = |path: &std::path::PathBuf| {
            Pcap::create(path, HEAD).map_err(|error| Error::File { path: path.clone(), error })
        };
        Ok(Self {
            options,
            fingerprints: Fingerprints::new(&Namespace::current().fingerprint_secret()),
            ledger: Ledger::open()?,
            watched: Watched::read().ok(),
            devices: LocalDevices::read(),
            limit: LineLimit::new(options.rate.get()),
            pcap: options.pcap.as_ref().map(create).transpose()?,
            lost: None,
            printed: 0,
        })
    }

    /// Counts from now on: a packet that was dropped before is not reported.
    pub fn begin(&mut self) -> Result<(), Error> {
        self.ledger = Ledger::open()?;
        Ok(())
    }

    /// Whether as many drops were printed as were requested.
    pub fn has_all(&self) -> bool {
        self.options.count.is_some_and(|count| self.printed >= count.get())
    }

    /// Reads the alerts that have come.
    pub fn read(&mut self, monitor: &mut DropMonitor, out: &mut Output) -> Result<(), Error> {
        let received = monitor.receive()?;
        if received.is_overrun {
            let message = "The receive buffer was full: the kernel has dropped alerts.";
            self.note("lost", 0, message.to_owned(), out)?;
        }
        if received.malformed > 0 {
            let message = "Messages of the drop monitor cannot be read.".to_owned();
            self.note("lost", received.malformed, message, out)?;
        }
        for alert in &received.alerts {
            if !self.has_all() {
                self.packet(alert, out)?;
            }
        }
        Ok(())
    }

    fn packet(&mut self, alert: &Alert, out: &mut Output) -> Result<(), Error> {
        let is_of_ipsec = reasons::is_of_ipsec(alert);
        let head = Head::read(alert);
        let place = head.as_ref().map_or(DropPlace::Unknown, |it| self.devices.place(alert, it));
        if place == DropPlace::Elsewhere {
            return Ok(());
        }
        let name = place_name(alert);
        if !self.limit.has_time() {
            if is_of_ipsec || self.options.all {
                self.limit.omit(&name);
            }
            return Ok(());
        }
        let begin = Instant::now();
        let cause = self.cause(alert, head.as_ref());
        self.limit.has_worked(begin);
        let is_shown = match place {
            DropPlace::Here => is_of_ipsec || cause.is_of_ipsec() || self.options.all,
            // A counter shows that it was here.
            _ => !cause.counters.is_empty() || self.options.all,
        };
        if !is_shown {
            return Ok(());
        }
        let dropped = self.json(alert, head.as_ref(), cause);
        if !self.options.filter.has_drop(&dropped) {
            return Ok(());
        }
        if let Some(pcap) = &mut self.pcap {
            pcap.add(alert).map_err(|error| failed(self.options, error))?;
        }
        if self.limit.admits(&name) {
            self.print(dropped, out)?;
        }
        Ok(())
    }

    /// What has dropped a packet. The counters were raised before it was reported.
    fn cause(&mut self, alert: &Alert, head: Option<&Head>) -> DropCause {
        let (Some(head), Some(watched)) = (head, &mut self.watched) else {
            return DropCause::default();
        };
        // What was read before is used where nothing can be read.
        let _ = (self.ledger.read(), watched.refresh());
        let direction = self.devices.direction(alert, head);
        let cause = attribution::of_packet(head, alert, direction, watched, &mut self.ledger);
        if !cause.counters.is_empty() || !self.ledger.has_any() {
            return cause;
        }
        // Something was counted that the tables do not explain: they are not those of now.
        let _ = watched.read_again();
        attribution::of_packet(head, alert, direction, watched, &mut self.ledger)
    }

    fn json(&self, alert: &Alert, head: Option<&Head>, cause: DropCause) -> DropJson {
        let time = DateTime::<Local>::from(alert.time());
        let arrivals = head.iter().flat_map(|head| &head.captured.arrivals);
        let packet = cause.flow.as_ref().map(json::packet).or_else(|| {
            let (src, dst) = head?.captured.ends;
            Some(json::packet(&explain::Flow::new(src, dst).ok()?))
        });
        let message = if cause.message.is_empty() {
            "XFRM has not dropped the packet.".to_owned()
        } else {
            cause.message.clone()
        };
        DropJson {
            time: time.to_rfc3339_opts(SecondsFormat::Micros, false),
            kind: "packet",
            packets: 1,
            reason: alert.reason.clone(),
            symbol: Some(alert.symbol.clone()),
            device: self.devices.name(alert).map(str::to_owned),
            length: Some(head.map_or(alert.length, |head| head.length)),
            direction: head.map(|head| self.devices.direction(alert, head).word()),
            packet,
            spis: arrivals.map(|arrival| arrival.spi.0).collect(),
            message,
            ..self.entries(cause)
        }
    }

    /// The policies, SAs and counters of a cause.
    fn entries(&self, cause: DropCause) -> DropJson {
        let sa = |entry| SaJson::new(entry, Keys::Hidden, &self.fingerprints);
        DropJson {
            counters: cause.counters,
            policies: cause.policies.iter().map(PolicyJson::new).collect(),
            sas: cause.sas.iter().map(sa).collect(),
            near: cause.near.iter().map(Into::into).collect(),
            remedy: cause.remedy,
            ..DropJson::default()
        }
    }

    /// Ends an interval: prints what was counted and no packet explains, and what was left out and lost. At the
    /// very end no packet follows, so that all of it is printed.
    pub fn end_interval(
        &mut self,
        monitor: Option<&mut DropMonitor>,
        is_last: bool,
        out: &mut Output,
    ) -> Result<(), Error> {
        self.ledger.read()?;
        if let Some(watched) = &mut self.watched {
            // They may be busy: those that were read before are used.
            let _ = watched.refresh();
        }
        let mut counted = self.ledger.end_interval();
        if is_last || monitor.is_none() {
            counted.extend(self.ledger.end_interval());
        }
        for (name, packets) in counted {
            self.counted(&name, packets, out)?;
        }
        if let Some((packets, text)) = self.limit.end_interval() {
            let message = format!("More were dropped than --rate permits: {text}.");
            self.note("omitted", packets, message, out)?;
        }
        if let Some(watched) = &mut self.watched {
            watched.end_interval();
        }
        self.devices = LocalDevices::read();
        if let Some(monitor) = monitor {
            self.ask(monitor, out)?;
        }
        if let Some(pcap) = &mut self.pcap {
            pcap.flush().map_err(|error| failed(self.options, error))?;
        }
        Ok(())
    }

    fn counted(&mut self, name: &str, packets: u64, out: &mut Output) -> Result<(), Error> {
        let cause = counted::of_counter_named(name, self.watched.as_ref());
        let message = cause.message.clone();
        let dropped =
            DropJson { time: now(), kind: "counted", packets, message, ..self.entries(cause) };
        if self.has_all() || !self.options.filter.has_drop(&dropped) {
            return Ok(());
        }
        self.print(dropped, out)
    }

    /// Asks the drop monitor what it has lost, and starts it if another program has stopped it.
    fn ask(&mut self, monitor: &mut DropMonitor, out: &mut Output) -> Result<(), Error> {
        monitor.take_over()?;
        let lost = monitor.lost()?;
        let since = lost.saturating_sub(self.lost.unwrap_or(lost));
        self.lost = Some(lost);
        if since > 0 {
            let message = "The queue of the kernel's drop monitor was full.".to_owned();
            self.note("lost", since, message, out)?;
        }
        Ok(())
    }

    /// Prints what is no drop.
    fn note(
        &self,
        kind: &'static str,
        packets: u64,
        message: String,
        out: &mut Output,
    ) -> Result<(), Error> {
        let note = DropJson { time: now(), kind, packets, message, ..DropJson::default() };
        self.write(note, out)
    }

    fn print(&mut self, dropped: DropJson, out: &mut Output) -> Result<(), Error> {
        self.printed += 1;
        self.write(dropped, out)
    }

    fn write(&self, dropped: DropJson, out: &mut Output) -> Result<(), Error> {
        if self.options.json {
            let drop = Some(Box::new(dropped));
            return Ok(Document { drop, ..Document::default() }.write_line(out)?);
        }
        Ok(out.write_all(line::text(&dropped, cli::output_width()).as_bytes())?)
    }
}

fn now() -> String {
    let now = DateTime::<Local>::from(SystemTime::now());
    now.to_rfc3339_opts(SecondsFormat::Micros, false)
}

/// `XFRM_POLICY in icmp_rcv`.
fn place_name(alert: &Alert) -> String {
    match &alert.reason {
        Some(reason) => format!("{reason} in {}", alert.function()),
        None => alert.function().to_owned(),
    }
}

fn failed(options: &Trace, error: std::io::Error) -> Error {
    Error::File { path: options.pcap.clone().unwrap_or_default(), error }
}
