//! `ipsecctl counters`: the packets that XFRM has dropped, and why.

mod earlier;

use std::{
    io::Write, num::NonZeroU32, path::PathBuf, process::ExitCode, thread::sleep, time::Duration,
};

use chrono::Local;
use cli::{
    json::{CounterJson, Document},
    wrap,
};
use model::{Counter, CounterValues, Direction};

use crate::{
    Error,
    output::{self, Output},
};

/// Show the packets that XFRM has dropped, with the meaning and the likely cause of each counter.
///
/// Counters that are 0 are left out. No privilege is needed.
#[derive(clap::Args)]
pub struct Counters {
    /// Print all counters, also those that are 0
    #[arg(long)]
    all: bool,
    /// Print what has changed since the last call with this FILE, and write the values to it
    #[arg(long, value_name = "FILE", conflicts_with = "watch")]
    since: Option<PathBuf>,
    /// Print what changes in each interval of so many SECONDS, until it is interrupted
    #[arg(long, value_name = "SECONDS", conflicts_with = "all")]
    watch: Option<NonZeroU32>,
    /// Only counters of packets of this direction: in, out, fwd
    #[arg(long, value_name = "DIRECTION")]
    dir: Option<Direction>,
    /// Print JSON; with --watch, a document a line
    #[arg(long)]
    json: bool,
}

impl Counters {
    /// Prints the counters, once or at intervals.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        output::print(|out| match self.watch {
            Some(seconds) => self.watch(Duration::from_secs(seconds.get().into()), out),
            None => self.print(out),
        })
    }

    fn print(&self, out: &mut Output) -> Result<(), Error> {
        let now = engine::counters()?;
        let before = self.since.as_deref().map(earlier::read).transpose()?.flatten();
        let change = before.map(|before| now.since(&before));
        let rows = rows(&now, change.as_ref(), |name, packets, _| {
            self.is_meant(name) && (self.all || packets > 0)
        });
        if self.json {
            let counters = Some(rows);
            Document { counters, ..Document::default() }.write(&mut *out)?;
        } else if rows.is_empty() {
            writeln!(out, "No packets were dropped.")?;
        } else {
            let width = cli::output_width();
            out.write_all(text(&rows, width).as_bytes())?;
        }
        // What is not on standard output is not yet known to the caller.
        out.flush()?;
        self.since.as_deref().map_or(Ok(()), |file| earlier::write(file, &now))
    }

    /// Whether a counter has the direction. One that is not known, of a newer kernel, has none.
    fn is_meant(&self, name: &str) -> bool {
        let of = |name: &str| name.parse::<Counter>().ok().map(Counter::direction);
        self.dir.is_none() || self.dir == of(name)
    }

    fn watch(&self, interval: Duration, out: &mut Output) -> Result<(), Error> {
        let mut before = engine::counters()?;
        loop {
            sleep(interval);
            let now = engine::counters()?;
            let change = now.since(&before);
            let rows =
                rows(&now, Some(&change), |name, _, change| self.is_meant(name) && change > 0);
            if !rows.is_empty() && self.json {
                let counters = Some(rows);
                Document { counters, ..Document::default() }.write_line(&mut *out)?;
            } else if !rows.is_empty() {
                let (time, width) = (Local::now().format("%H:%M:%S"), cli::output_width());
                write!(out, "{time}\n{}", text(&rows, width))?;
            }
            out.flush()?;
            before = now;
        }
    }
}

/// The counters that are chosen by their names, their packets and their change.
fn rows(
    now: &CounterValues,
    change: Option<&CounterValues>,
    is_shown: impl Fn(&str, u64, u64) -> bool,
) -> Vec<CounterJson> {
    let of_counter = |(name, packets): (&str, u64)| {
        let change = change.and_then(|change| change.by_name(name));
        let is_shown = is_shown(name, packets, change.unwrap_or_default());
        is_shown.then(|| CounterJson::new(name, packets, change))
    };
    now.iter().filter_map(of_counter).collect()
}

/// A line for each counter, and below it what it means and, if it counted packets, what to do.
fn text(rows: &[CounterJson], width: Option<usize>) -> String {
    rows.iter().fold(String::new(), |mut text, row| {
        let change = row.change.map(|change| format!(" (+{change})")).unwrap_or_default();
        text += &wrap(&format!("{} {}{change}", model::visible(&row.name), row.packets), 0, width);
        let mut part = |name: &str, part: Option<&str>| {
            let part = part.map(|part| wrap(&format!("{name}: {part}."), 4, width));
            text += &part.unwrap_or_default();
        };
        part("meaning", row.meaning);
        if row.packets > 0 {
            part("likely cause", row.cause);
            part("remedy", row.remedy);
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> CounterValues {
        CounterValues::parse(text).unwrap()
    }

    #[test]
    fn a_counter_has_its_meaning_within_the_width() {
        let now = parsed("XfrmInError 0\nXfrmInNoStates 7\nXfrmNewError 1\n");
        let change = now.since(&parsed("XfrmInNoStates 4\n"));
        let rows = rows(&now, Some(&change), |_, packets, _| packets > 0);
        let expected = "\
XfrmInNoStates 7 (+3)
    meaning: an inbound packet has an SPI, destination and protocol for which
    there is no SA.
    likely cause: the peer uses an SA that this host does not have, or that has
    expired here.
    remedy: compare the SPIs that the peer sends with `ipsecctl show sas`, and
    add the SA on this host.
XfrmNewError 1 (+1)
";
        assert_eq!(text(&rows, Some(80)), expected);
    }

    #[test]
    fn one_that_is_0_has_no_remedy() {
        let rows = rows(&parsed("XfrmInPolBlock 0\n"), None, |_, _, _| true);
        let text = text(&rows, None);
        assert!(text.starts_with("XfrmInPolBlock 0\n    meaning: "), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn every_counter_fits_a_terminal() {
        let names = Counter::ALL.iter().map(|it| format!("{} 9\n", it.word()));
        let rows = rows(&parsed(&names.collect::<String>()), None, |_, _, _| true);
        let text = text(&rows, Some(80));
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
