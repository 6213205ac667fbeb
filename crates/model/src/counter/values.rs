use std::fmt;

use super::Counter;

/// The values of a kernel's counters, in packets since the network namespace was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CounterValues(Vec<(String, u64)>);

/// Characters of a line in a message.
const MOST_SHOWN: usize = 40;

/// A line of the kernel's counters that has no name and number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not a name and a number: `{}`", crate::visible(text))]
pub struct MalformedCounter {
    /// Its number, from 1.
    pub line: usize,
    /// The beginning of the line.
    pub text: String,
}

/// The text that [`CounterValues::parse`] reads.
impl fmt::Display for CounterValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))
    }
}

impl CounterValues {
    /// Reads the text of `/proc/net/xfrm_stat`: a name, blanks and a number a line. Names that this table
    /// does not have, of a newer kernel, are kept.
    ///
    /// Errors: [`MalformedCounter`].
    pub fn parse(text: &str) -> Result<Self, MalformedCounter> {
        let counter = |(place, line): (usize, &str)| {
            let mut fields = line.split_ascii_whitespace();
            let pair = (fields.next(), fields.next().and_then(|value| value.parse().ok()));
            match (pair, fields.next()) {
                ((Some(name), Some(value)), None) => Ok((name.to_owned(), value)),
                _ => Err(MalformedCounter {
                    line: place + 1,
                    text: line.chars().take(MOST_SHOWN).collect(),
                }),
            }
        };
        text.lines().enumerate().map(counter).collect::<Result<_, _>>().map(Self)
    }

    /// Every counter that the kernel has, in its order: name, and packets.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The packets that a counter of this name has counted; `None` if the kernel does not have it.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<u64> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The packets that a counter has counted; `None` if the kernel does not have it.
    #[must_use]
    pub fn get(&self, counter: Counter) -> Option<u64> {
        self.by_name(counter.word())
    }

    /// What was counted since `before` was read, by the same names. A counter that is lower than before
    /// began again at 0, in another network namespace or after a restart.
    #[must_use]
    pub fn since(&self, before: &CounterValues) -> CounterValues {
        let change = |(name, value): (&str, u64)| {
            let earlier = before.by_name(name).filter(|&earlier| earlier <= value);
            (name.to_owned(), value - earlier.unwrap_or(0))
        };
        Self(self.iter().map(change).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cat /proc/net/xfrm_stat` on Linux 6.18; the names are those of Linux 7.2 too.
    const TEXT: &str = include_str!("xfrm_stat");

    #[test]
    fn the_table_has_the_kernels_names_in_its_order() {
        let counters = CounterValues::parse(TEXT).unwrap();
        let names = Counter::ALL.iter().map(|counter| counter.word());
        assert_eq!(
            counters.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            names.collect::<Vec<_>>()
        );
        assert_eq!(counters.get(Counter::InNoStates), Some(7));
        assert_eq!(counters.get(Counter::OutNoQueueSpace), Some(0));
    }

    #[test]
    fn a_newer_kernels_counter_is_kept() {
        let counters =
            CounterValues::parse("XfrmInError \t3\nXfrmNewError 18446744073709551615\n").unwrap();
        assert_eq!(counters.by_name("XfrmNewError"), Some(u64::MAX));
        assert_eq!(counters.get(Counter::OutError), None);
    }

    #[test]
    fn a_malformed_line_is_named() {
        for line in ["XfrmInError", "XfrmInError x", "XfrmInError 1 2", "", "XfrmInError -1"] {
            let text = format!("XfrmInError 0\n{line}\n");
            let error = CounterValues::parse(&text).unwrap_err();
            assert_eq!(error, MalformedCounter { line: 2, text: line.to_owned() });
        }
    }

    #[test]
    fn changes_are_since_the_earlier_values() {
        let parsed = |text| CounterValues::parse(text).unwrap();
        let (before, after) = (parsed("A 3\nB 9\n"), parsed("A 5\nB 4\nC 1\n"));
        assert_eq!(after.since(&before), parsed("A 2\nB 4\nC 1\n"));
    }
}
