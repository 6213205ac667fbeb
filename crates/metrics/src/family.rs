//! The text of OpenMetrics 1.0: families of samples, each with its type and help.

use std::io::{self, Write};

/// What the numbers of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// They only rise, until they begin again at 0. The names of samples end in `_total`.
    Counter,
    /// They rise and fall.
    Gauge,
}

/// A family of samples with one name.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
}

impl Family {
    /// A family of counters.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, help }
    }

    /// A family of gauges.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, help }
    }

    /// Prints the family with its samples: labels, and a number.
    pub fn print(
        &self,
        out: &mut impl Write,
        samples: impl IntoIterator<Item = (String, u64)>,
    ) -> io::Result<()> {
        self.begin(out)?;
        samples.into_iter().try_for_each(|(labels, number)| self.sample(out, &[&labels], number))
    }

    /// Prints what comes before the samples.
    pub fn begin(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { name, kind, help } = *self;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        writeln!(out, "# TYPE {name} {kind}\n# HELP {name} {help}")
    }

    /// Prints a sample. Its labels may be in pieces, which are printed one after the other.
    pub fn sample(&self, out: &mut impl Write, labels: &[&str], number: u64) -> io::Result<()> {
        out.write_all(self.name.as_bytes())?;
        if self.kind == Kind::Counter {
            out.write_all(b"_total")?;
        }
        if labels.iter().any(|piece| !piece.is_empty()) {
            out.write_all(b"{")?;
            labels.iter().try_for_each(|piece| out.write_all(piece.as_bytes()))?;
            out.write_all(b"}")?;
        }
        writeln!(out, " {number}")
    }
}

/// Labels without the braces.
pub fn labels(pairs: &[(&str, &str)]) -> String {
    let mut labels = String::with_capacity(32 * pairs.len());
    for (name, value) in pairs {
        if !labels.is_empty() {
            labels.push(',');
        }
        labels.push_str(name);
        labels.push_str("=\"");
        push_escaped(&mut labels, value);
        labels.push('"');
    }
    labels
}

fn push_escaped(text: &mut String, value: &str) {
    if !value.contains(['\\', '"', '\n']) {
        return text.push_str(value);
    }
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

/// Ends the text.
pub fn end(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# EOF")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_and_a_gauge() {
        let mut out = Vec::new();
        let family = |name, kind| Family { name, kind, help: "Some." };
        let first = labels(&[("a", "x\"y\\z\n"), ("b", "")]);
        family("drops", Kind::Counter).print(&mut out, [(first, 7)]).unwrap();
        family("up", Kind::Gauge).print(&mut out, [(String::new(), 1)]).unwrap();
        end(&mut out).unwrap();
        let expected = r#"# TYPE drops counter
# HELP drops Some.
drops_total{a="x\"y\\z\n",b=""} 7
# TYPE up gauge
# HELP up Some.
up 1
# EOF
"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
