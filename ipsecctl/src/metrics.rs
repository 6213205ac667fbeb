//! `ipsecctl metrics`: counters, SAs and policies in the format of OpenMetrics.

use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use metrics::{By, CountedPart};

use crate::{Error, filter::Filter, output};

/// Print metrics of this network namespace in the format of OpenMetrics.
///
/// The text is for Prometheus, as of node_exporter's textfile collector. `ipsecd` serves the same by HTTP.
#[derive(clap::Args)]
pub struct Metrics {
    /// What a series of SAs is for
    #[arg(long, value_name = "WHAT", default_value = "peer", value_parser = by())]
    by: By,
    #[command(flatten)]
    filter: Filter,
}

fn by() -> impl TypedValueParser<Value = By> {
    let words = By::ALL.iter().map(|it| PossibleValue::new(it.word()).help(it.meaning()));
    PossibleValuesParser::new(words).try_map(|word| word.parse::<By>())
}

impl Metrics {
    /// Prints the metrics.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let part = CountedPart {
            has_sa: &|entry| self.filter.has_sa_entry(entry),
            has_policy: &|entry| self.filter.has_policy_entry(entry),
        };
        output::print(|out| Ok(metrics::write(self.by, &part, out)?))
    }
}
