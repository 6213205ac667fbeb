//! `ipsecctl top`: what SAs and policies transform now, what they have left, and what is dropped.

mod plain;
mod rates;
mod sample;
mod screen;
mod sort;
mod view;

use std::{
    io::{IsTerminal, Write, stdin, stdout},
    process::ExitCode,
    thread::sleep,
    time::Duration,
};

use cli::end_by;

use rates::History;
use sample::Reader;
use sort::SortKey;

use crate::{
    Error,
    filter::Filter,
    output::{self, Output},
};

/// Show SAs and policies by their throughput, limits, failures and drops.
///
/// On a terminal it is a screen that `q` leaves and `?` explains; otherwise a table after one interval.
#[derive(clap::Args)]
pub struct Top {
    /// Seconds between two looks, from 0.1 on
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Print one table after an interval, also on a terminal
    #[arg(long)]
    once: bool,
    /// Print JSON, a document a line for each interval; with --once, one
    #[arg(long)]
    json: bool,
    /// What is sorted by
    #[arg(long, value_enum, value_name = "ORDER", default_value_t = SortKey::Bytes)]
    sort: SortKey,
    #[command(flatten)]
    filter: Filter,
}

/// A time in seconds, perhaps with a fraction.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "no number of seconds".to_owned())?;
    if !(0.1..=86_400.0).contains(&seconds) {
        return Err("from 0.1 to 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

impl Top {
    /// Shows the screen, or prints.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let reader = Reader::open(self.filter.clone())?;
        let is_screen = !self.once && !self.json && stdin().is_terminal() && stdout().is_terminal();
        if !is_screen {
            return output::print(|out| self.print(reader, out));
        }
        match screen::show(reader, self.interval, self.sort)? {
            Some(signal) => Err(Error::Output(end_by(signal))),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    fn print(&self, mut reader: Reader, out: &mut Output) -> Result<(), Error> {
        let (mut history, mut before) = (History::default(), reader.read()?);
        loop {
            sleep(self.interval);
            let now = reader.read()?;
            let mut rates = history.next(&before, &now);
            sort::sort(&mut rates.sas, self.sort);
            sort::sort(&mut rates.policies, self.sort);
            if self.json {
                plain::document(&rates).write_line(&mut *out)?;
                out.flush()?;
            } else {
                out.write_all(plain::text(&rates, cli::output_width()).as_bytes())?;
            }
            if self.once || !self.json {
                return Ok(());
            }
            before = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_a_least_and_a_most() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "x", "NaN", "inf", "86401"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
