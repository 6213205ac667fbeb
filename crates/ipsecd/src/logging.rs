//! The log: lines on standard error, as many as the host's variable `debug` asks for.

use std::{env, fmt, io};

use model::Variables;
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

/// The log, whose level can be changed.
pub(crate) struct Logging {
    filter: Handle<Targets, Registry>,
    /// What the command line asks for.
    least: i32,
}

impl Logging {
    /// Begins to log.
    pub(crate) fn start(options: &Options) -> Self {
        let least = options.verbose.into();
        let (filter, handle) = reload::Layer::new(targets(least));
        let lines = layer().with_writer(io::stderr).with_ansi(false).with_target(false);
        let lines = match options.log_format {
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
            LogFormat::Text if is_journal() => lines.event_format(JournalLine).boxed(),
            LogFormat::Text => lines.boxed(),
        };
        tracing_subscriber::registry().with(filter).with(lines).init();
        Self { filter: handle, least }
    }

    /// Logs as much as the variables ask for, and no less than the command line does.
    pub(crate) fn follow(&self, variables: &Variables) {
        // Fails only if nothing is logged at all.
        let _ = self.filter.reload(targets(variables.debug().max(self.least)));
    }
}

/// 0: what matters; 1: every decision; 2 and more: every event, and the messages of each
/// conversation with the kernel.
fn targets(debug: i32) -> Targets {
    let (level, messages) = match debug {
        ..=0 => (LevelFilter::INFO, LevelFilter::INFO),
        1 => (LevelFilter::DEBUG, LevelFilter::INFO),
        2.. => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    Targets::new().with_default(level).with_target("xfrm", messages)
}

/// Whether standard error is the journal's (`JOURNAL_STREAM`, systemd.exec(5)).
fn is_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    fstat(io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// A line with its priority before it (sd-daemon(3)); the journal knows the time.
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
    fn messages_are_logged_last() {
        for (debug, decisions, messages) in
            [(0, false, false), (1, true, false), (2, true, true), (7, true, true)]
        {
            let targets = targets(debug);
            assert!(targets.would_enable("ipsecd::watch", &Level::INFO));
            assert_eq!(targets.would_enable("ipsecd::watch", &Level::DEBUG), decisions, "{debug}");
            assert_eq!(targets.would_enable("xfrm::monitor", &Level::DEBUG), messages, "{debug}");
        }
    }
}
