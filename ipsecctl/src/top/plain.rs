//! Rates as a table of plain text, and as JSON.

use std::fmt::Write;

use chrono::Local;
use cli::json::{CounterJson, Document, LimitJson, RateJson, RatesJson};

use super::{
    rates::{Rates, Row},
    sample::RowKey,
};

/// Columns before the name.
const HEAD: &str = "     bytes/s   packets/s      failed  limit         ";

/// A table of the SAs, one of the policies, and the counters.
pub fn text(rates: &Rates) -> String {
    let mut text = String::new();
    table(&mut text, "SA", &rates.sas);
    text.push('\n');
    table(&mut text, "policy", &rates.policies);
    for (place, drops) in rates.drops.iter().enumerate() {
        let before = if place == 0 { "\n" } else { "" };
        let name = model::visible(&drops.counter);
        // A String takes all that is written.
        let _ = writeln!(text, "{before}{name} {} (+{})", drops.packets, drops.change);
    }
    text
}

fn table(text: &mut String, of: &str, rows: &[Row]) {
    let _ = writeln!(text, "{HEAD}{of}");
    for row in rows {
        let limit = row.limit.map(|it| format!("{}% {}", it.percent, it.of)).unwrap_or_default();
        let Row { bytes, packets, failed, .. } = row;
        let name = model::visible(&row.name);
        let _ = writeln!(text, "{bytes:>12}{packets:>12}{failed:>12}  {limit:<14}{name}");
    }
}

/// The same as JSON.
pub fn document(rates: &Rates) -> Document {
    let counters = rates.drops.iter();
    let counters =
        counters.map(|it| CounterJson::new(&it.counter, it.packets, Some(it.change))).collect();
    let milliseconds = u64::try_from(rates.interval.as_millis()).unwrap_or(u64::MAX);
    let rows = |rows: &[Row]| rows.iter().map(json).collect();
    let rates = RatesJson {
        time: Local::now().to_rfc3339(),
        milliseconds,
        bytes_per_second: rates.total,
        sas: rows(&rates.sas),
        policies: rows(&rates.policies),
    };
    Document { counters: Some(counters), rates: Some(rates), ..Document::default() }
}

fn json(row: &Row) -> RateJson {
    let (spi, index) = match &row.key {
        RowKey::Sa(id) => (Some(id.spi.0), None),
        RowKey::Policy(index) => (None, Some(*index)),
    };
    RateJson {
        name: row.name.clone(),
        spi,
        index,
        bytes_per_second: row.bytes,
        packets_per_second: row.packets,
        dropped: row.failed,
        limit: row.limit.map(|it| LimitJson { of: it.of, percent: it.percent }),
        sas: row.sas,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::view::samples;

    #[test]
    fn a_table_has_its_columns() {
        let text = text(&samples::rates());
        let expected = "     bytes/s   packets/s      failed  limit         SA
     1250000        1000           0  75% bytes     esp 0x1001 192.0.2.1 > 192.0.2.2
         840          10           3                esp 0x1002 192.0.2.2 > 192.0.2.1
           0           0           0  10% time      ah 0x1003 2001:db8::1 > 2001:db8::2

     bytes/s   packets/s      failed  limit         policy
     1250000        1000           0                out 10.1.0.0/24 > 10.2.0.0/24 any
         840          10           3                in 10.2.0.0/24 > 10.1.0.0/24 any

XfrmInNoStates 7 (+2)
XfrmOutPolBlock 1 (+0)
";
        assert_eq!(text, expected);
    }
}
