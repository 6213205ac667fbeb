//! Rates as a table of plain text, and as JSON.

use std::fmt::Write;

use chrono::Local;
use cli::{
    json::{CounterJson, Document, LimitJson, RateJson, RatesJson},
    wrap,
};

use super::{
    rates::{Rates, Row},
    sample::RowKey,
};

/// The columns before the name.
const HEAD: [&str; 4] = ["bytes/s", "packets/s", "failed", "limit"];

/// Blanks before a name that is below its numbers.
const INDENT: usize = 4;

/// A table of the SAs, one of the policies, and the counters, in lines of this width.
pub fn text(rates: &Rates, width: Option<usize>) -> String {
    let mut text = String::new();
    table(&mut text, "SA", &rates.sas, width);
    text.push('\n');
    table(&mut text, "policy", &rates.policies, width);
    for (place, drops) in rates.drops.iter().enumerate() {
        let before = if place == 0 { "\n" } else { "" };
        let name = model::visible(&drops.counter);
        // A String takes all that is written.
        let _ = writeln!(text, "{before}{name} {} (+{})", drops.packets, drops.change);
    }
    text
}

/// A name that does not fit the line is below its numbers, as values are in other tables.
fn table(text: &mut String, of: &str, rows: &[Row], width: Option<usize>) {
    let mut widths = HEAD.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(cells(row)) {
            *width = cell.len().max(*width);
        }
    }
    let head = |cells: [String; 4]| {
        let ([bytes, packets, failed, limit], [a, b, c, d]) = (cells, widths);
        format!("{bytes:>a$}  {packets:>b$}  {failed:>c$}  {limit:<d$}")
    };
    let _ = writeln!(text, "{}  {of}", head(HEAD.map(str::to_owned)));
    for row in rows {
        let (head, name) = (head(cells(row)), model::visible(&row.name));
        if width.is_none_or(|width| head.len() + 2 + name.chars().count() <= width) {
            let _ = writeln!(text, "{head}  {name}");
        } else {
            let _ = writeln!(text, "{}", head.trim_end());
            text.push_str(&wrap(&name, INDENT, width));
        }
    }
}

fn cells(row: &Row) -> [String; 4] {
    let limit = row.limit.map(|it| format!("{}% {}", it.percent, it.of)).unwrap_or_default();
    let [bytes, packets, failed] = [row.bytes, row.packets, row.failed].map(|it| it.to_string());
    [bytes, packets, failed, limit]
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
        let text = text(&samples::rates(), None);
        let expected = "bytes/s  packets/s  failed  limit      SA
1250000       1000       0  75% bytes  esp 0x1001 192.0.2.1 > 192.0.2.2
    840         10       3             esp 0x1002 192.0.2.2 > 192.0.2.1
      0          0       0  10% time   ah 0x1003 2001:db8::1 > 2001:db8::2

bytes/s  packets/s  failed  limit  policy
1250000       1000       0         out 10.1.0.0/24 > 10.2.0.0/24 any
    840         10       3         in 10.2.0.0/24 > 10.1.0.0/24 any

XfrmInNoStates 7 (+2)
XfrmOutPolBlock 1 (+0)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_name_that_does_not_fit_is_below() {
        let mut rates = samples::rates();
        rates.sas[2].name = "ah 0xc0001003 2001:db8:1:2:3:4:5:6 > 2001:db8:1:2:3:4:5:7".to_owned();
        let text = text(&rates, Some(50));
        assert!(text.lines().all(|line| line.len() <= 50), "{text}");
        let below = "      0          0       0  10% time
    ah 0xc0001003 2001:db8:1:2:3:4:5:6 >
    2001:db8:1:2:3:4:5:7
";
        assert!(text.contains(below), "{text}");
    }
}
