//! Values in tables: short, and without blanks.

use std::{
    fmt::{self, Display, Write},
    num::NonZeroU64,
};

use model::{Current, Lifetimes, Mark, SecCtx, Visible};

/// A number in hexadecimal.
pub struct Hex(pub u32);

impl Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A time span in seconds, in the largest unit of which there are two.
pub struct Span(pub u64);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds @ ..120 => write!(f, "{seconds}s"),
            seconds @ ..7200 => write!(f, "{}m", seconds / 60),
            seconds @ ..172_800 => write!(f, "{}h", seconds / 3600),
            seconds => write!(f, "{}d", seconds / 86_400),
        }
    }
}

/// How long ago a time was, in Unix seconds, if it is known.
pub fn ago(cell: &mut String, now: u64, time: Option<NonZeroU64>) -> fmt::Result {
    optional(cell, time.map(|time| Span(now.saturating_sub(time.get()))))
}

/// A mark, if packets are compared with one.
pub fn mark(cell: &mut String, mark: Mark) -> fmt::Result {
    if mark.is_none() { Ok(()) } else { write!(cell, "{mark}") }
}

/// A value, if there is one.
pub fn optional(cell: &mut String, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(cell, "{value}"))
}

/// The label of a security context, if there is one.
pub fn context(cell: &mut String, context: Option<&SecCtx>) -> fmt::Result {
    optional(cell, context.map(|it| String::from_utf8_lossy(it.label())).as_deref().map(Visible))
}

/// Words, with commas between them.
pub fn words(cell: &mut String, words: impl IntoIterator<Item = impl Display>) -> fmt::Result {
    words.into_iter().enumerate().try_for_each(|(place, word)| match place {
        0 => write!(cell, "{word}"),
        _ => write!(cell, ",{word}"),
    })
}

/// The first of several values, and how many others there are.
pub fn first(cell: &mut String, values: impl Iterator<Item = impl Display>) -> fmt::Result {
    const MOST: usize = 4;
    let mut values = values.peekable();
    words(cell, values.by_ref().take(MOST))?;
    match values.count() {
        0 => Ok(()),
        others => write!(cell, ",+{others}"),
    }
}

/// What is left until the hard limits, of those that are set.
pub fn left(cell: &mut String, lifetimes: &Lifetimes, current: &Current, now: u64) -> fmt::Result {
    let hard = &lifetimes.hard;
    let until = |since: Option<NonZeroU64>, limit: u64| match since {
        None => limit,
        Some(since) => since.get().saturating_add(limit).saturating_sub(now),
    };
    let added = NonZeroU64::new(current.add_time);
    let age = hard.add_seconds.map(|limit| until(added, limit.get()));
    let use_time = hard.use_seconds.map(|limit| until(current.use_time, limit.get()));
    let rest = |limit: Option<_>, used| limit.map(|it: NonZeroU64| it.get().saturating_sub(used));
    let time = age.into_iter().chain(use_time).min().map(|seconds| Span(seconds).to_string());
    let bytes = rest(hard.bytes, current.bytes).map(|bytes| format!("{}B", Short(bytes)));
    let packets =
        rest(hard.packets, current.packets).map(|packets| format!("{}pkt", Short(packets)));
    words(cell, [time, bytes, packets].into_iter().flatten())
}

/// A number with a decimal prefix.
struct Short(u64);

impl Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            number @ ..10_000 => write!(f, "{number}"),
            number @ ..10_000_000 => write!(f, "{}k", number / 1000),
            number @ ..10_000_000_000 => write!(f, "{}M", number / 1_000_000),
            number @ ..10_000_000_000_000 => write!(f, "{}G", number / 1_000_000_000),
            number => write!(f, "{}T", number / 1_000_000_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Lifetime;

    use super::*;

    fn cell(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
        let mut cell = String::new();
        write(&mut cell).unwrap();
        cell
    }

    #[test]
    fn spans_have_two_digits_or_more() {
        let spans = [0, 119, 120, 7199, 7200, 172_799, 172_800];
        let texts = spans.map(|seconds| Span(seconds).to_string());
        assert_eq!(texts, ["0s", "119s", "2m", "119m", "2h", "47h", "2d"]);
        let ago = |time| cell(|cell| ago(cell, 100, NonZeroU64::new(time)));
        assert_eq!([97, 101, 0].map(ago), ["3s", "0s", ""]);
    }

    #[test]
    fn what_is_left_is_of_the_nearest_limit() {
        let hard = Lifetime::from_numbers([10, 20_000_000, 3600, 600]);
        let lifetimes = Lifetimes { hard, soft: Lifetime::default() };
        let used =
            Current { packets: 4, bytes: 1000, add_time: 100, use_time: NonZeroU64::new(160) };
        let left = |used: &Current, now| cell(|cell| left(cell, &lifetimes, used, now));
        assert_eq!(left(&used, 200), "9m,19MB,6pkt");
        assert_eq!(left(&Current { use_time: None, ..used }, 3200), "8m,19MB,6pkt");
        assert_eq!(left(&Current { packets: 11, ..used }, 5000), "0s,19MB,0pkt");
        assert_eq!(cell(|cell| super::left(cell, &Lifetimes::default(), &used, 200)), "");
        let hard = Lifetime::from_numbers([0, 0, u64::MAX, u64::MAX - 1]);
        let lifetimes = Lifetimes { hard, ..lifetimes };
        let left = cell(|cell| super::left(cell, &lifetimes, &used, 200));
        assert_eq!(left, format!("{}d", (u64::MAX - 200) / 86_400));
    }

    #[test]
    fn some_of_many_are_counted() {
        assert_eq!(cell(|cell| first(cell, 1..=4)), "1,2,3,4");
        assert_eq!(cell(|cell| first(cell, 1..=6)), "1,2,3,4,+2");
    }
}
