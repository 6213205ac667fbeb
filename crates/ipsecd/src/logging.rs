//! The log on standard error. The host's variable `debug` sets its level.

use std::{
    env, fmt,
    io::{self, Write},
};

use model::{Variables, visible};
use rustix::fs::fstat;
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    fmt::{FmtContext, FormatEvent, FormatFields, format, layer},
    layer::SubscriberExt,
    registry::LookupSpan,
    reload::{self, Handle},
    util::SubscriberInitExt,
};

use crate::options::{LogFormat, Options};

/// The log. Its level can be changed while the daemon runs.
pub(crate) struct Logging {
    filter: Handle<Targets, Registry>,
    /// The level of the command line (`-v`).
    least: i32,
}

impl Logging {
    /// Starts the log.
    pub(crate) fn start(options: &Options) -> Self {
        let least = options.verbose.into();
        let (filter, handle) = reload::Layer::new(targets(least));
        let lines = layer().with_writer(|| Line::Text).with_ansi(false).with_target(false);
        let lines = match options.log_format {
            LogFormat::Json => lines.with_writer(|| Line::Json).json().flatten_event(true).boxed(),
            LogFormat::Text if is_journal() => lines.event_format(JournalLine).boxed(),
            LogFormat::Text => lines.boxed(),
        };
        tracing_subscriber::registry().with(filter).with(lines).init();
        Self { filter: handle, least }
    }

    /// Sets the level of the variables, or that of the command line if it is higher.
    pub(crate) fn follow(&self, variables: &Variables) {
        // Fails only if there is no log.
        let _ = self.filter.reload(targets(variables.debug().max(self.least)));
    }
}

/// The targets of a level. 0: changes, warnings and errors; 1: every decision; 2 and more: every event, and
/// the netlink messages.
fn targets(debug: i32) -> Targets {
    let (level, messages) = match debug {
        ..=0 => (LevelFilter::INFO, LevelFilter::INFO),
        1 => (LevelFilter::DEBUG, LevelFilter::INFO),
        2.. => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    Targets::new().with_default(level).with_target("xfrm", messages)
}

/// Whether standard error is connected to the journal (`JOURNAL_STREAM`, systemd.exec(5)).
fn is_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    fstat(io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Standard error, without the numbers of errnos, and in text without what would change the line.
enum Line {
    Text,
    /// It has escapes of its own.
    Json,
}

impl Write for Line {
    /// Takes an event, which the layer writes as a whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(event.strip_suffix(b"\n").unwrap_or(event));
        let line = sys::without_number(line.into_owned());
        match self {
            Line::Text => writeln!(io::stderr(), "{}", visible(&line))?,
            Line::Json => writeln!(io::stderr(), "{line}")?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The format of the journal: a line that begins with its priority (sd-daemon(3)), without time.
struct JournalLine;

impl<S, N> FormatEvent<S, N> for JournalLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: format::Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netlink_messages_are_logged_from_level_2_on() {
        for (debug, decisions, messages) in
            [(0, false, false), (1, true, false), (2, true, true), (7, true, true)]
        {
            let targets = targets(debug);
            assert!(targets.would_enable("ipsecd::reconciler", &Level::INFO));
            assert_eq!(
                targets.would_enable("ipsecd::reconciler", &Level::DEBUG),
                decisions,
                "{debug}"
            );
            assert_eq!(targets.would_enable("xfrm::monitor", &Level::DEBUG), messages, "{debug}");
        }
    }
}
