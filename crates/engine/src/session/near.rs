//! The SAs and policies that differ from one that is not there in little.

use std::fmt;

use model::ScriptOption;

/// How many are named.
const MOST_NAMED: usize = 3;

/// What is there instead of an SA or policy that is not, the nearest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Near(Vec<Differences>);

/// The options that it has and the missing one has not, or has otherwise; no value: it lacks the option.
pub(super) type Differences = Vec<(ScriptOption, Option<String>)>;

impl Near {
    /// Whether there is none, or none was looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn of(found: impl Iterator<Item = Differences>) -> Self {
        let mut found: Vec<_> = found.filter(|differences| !differences.is_empty()).collect();
        found.sort_by_key(Vec::len);
        found.truncate(MOST_NAMED);
        Near(found)
    }
}

impl fmt::Display for Near {
    /// `one with -mark 0x5/0xff and without -ifid is there`, for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = |(option, value): &(ScriptOption, Option<String>)| match value {
            Some(value) => format!("with {} {value}", option.word()),
            None => format!("without {}", option.word()),
        };
        let one = |differences: &Differences| {
            let options: Vec<_> = differences.iter().map(option).collect();
            format!("one {} is there", options.join(" and "))
        };
        f.write_str(&self.0.iter().map(one).collect::<Vec<_>>().join(", "))
    }
}
