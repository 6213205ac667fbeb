use std::{cell::RefCell, fmt};

use chrono::{Local, TimeZone};

/// A point in time as ctime(3) has it without the weekday: `Nov 24 11:04:17 2026`, local time;
/// 20 blanks for 0.
#[derive(Clone, Copy)]
pub(super) struct Time(pub(super) u64);

thread_local! {
    /// The text of the last time: in a dump, entries with the same second follow one another, and the
    /// calendar would take a fifth of all the time.
    static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        LAST.with_borrow_mut(|(seconds, text)| {
            if *seconds != self.0 || text.is_empty() {
                (*seconds, *text) = (self.0, self.text());
            }
            f.write_str(text)
        })
    }
}

impl Time {
    fn text(self) -> String {
        let known = i64::try_from(self.0).ok().filter(|&seconds| seconds != 0);
        match known.and_then(|seconds| Local.timestamp_opt(seconds, 0).single()) {
            Some(time) => time.format("%b %e %H:%M:%S %Y").to_string(),
            None => " ".repeat(20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_columns_always() {
        assert_eq!(Time(0).to_string(), " ".repeat(20));
        assert_eq!(Time(1_800_000_000).to_string().len(), 20);
        assert_eq!(Time(u64::MAX).to_string(), " ".repeat(20));
    }

    #[test]
    fn each_time_has_its_own_text() {
        let texts = [1_800_000_000, 1_800_000_001, 1_800_000_000, 0, 1_800_000_000]
            .map(|seconds| Time(seconds).to_string());
        assert_eq!(texts[0], texts[2]);
        assert_eq!(texts[0], texts[4]);
        assert_ne!(texts[0], texts[1]);
        assert_eq!(texts[3], " ".repeat(20));
    }
}
