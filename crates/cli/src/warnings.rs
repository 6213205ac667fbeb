//! The warnings of the engine: files beside the kernel that cannot be used.

use std::{fmt, io};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format},
    registry::LookupSpan,
};

/// Prints the warnings of the libraries on standard error, after the name of the program.
pub fn print_warnings(program: impl Into<String>) {
    let warnings = tracing_subscriber::fmt()
        .with_max_level(Level::WARN)
        .with_writer(io::stderr)
        .with_ansi(false)
        .event_format(Line { program: program.into() });
    // Fails only if they are printed already.
    let _ = tracing::subscriber::set_global_default(warnings.finish());
}

/// `setkey: warning: damaged file file=/run/xfrm-tools/...`
struct Line {
    program: String,
}

impl<S, N> FormatEvent<S, N> for Line
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
        let mut fields = String::new();
        context.format_fields(format::Writer::new(&mut fields), event)?;
        writeln!(writer, "{}: warning: {}", self.program, sys::without_number(fields))
    }
}
