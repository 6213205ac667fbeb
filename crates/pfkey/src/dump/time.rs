use std::{cell::RefCell, fmt};

use chrono::{Local, TimeZone};

/// A point in time as ctime(3) has it without the weekday: `Nov 24 11:04:17 2026`, local time;
/// 20 blanks for 0.
#[derive(Clone, Copy)]
pub(super) struct Time(pub(super) u64);

const BLANK: &str = "                    ";

/// A time that is not 0, and its text; 0 and none before the first.
struct Printed {
    seconds: u64,
    text: String,
}

thread_local! {
    /// The last two: an entry has a time that differs from entry to entry at most by the second, and one that is the
    /// same in all. The calendar would take half of the time of a dump.
    static LAST: RefCell<[Printed; 2]> = const { RefCell::new([Printed::NEVER, Printed::NEVER]) };
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str(BLANK);
        }
        LAST.with_borrow_mut(|last| {
            if last[0].seconds != self.0 {
                last.swap(0, 1);
            }
            if last[0].seconds != self.0 {
                last[0] = Printed { seconds: self.0, text: self.text() };
            }
            f.write_str(&last[0].text)
        })
    }
}

impl Printed {
    const NEVER: Self = Self { seconds: 0, text: String::new() };
}

impl Time {
    fn text(self) -> String {
        let known = i64::try_from(self.0).ok();
        match known.and_then(|seconds| Local.timestamp_opt(seconds, 0).single()) {
            Some(time) => time.format("%b %e %H:%M:%S %Y").to_string(),
            None => BLANK.to_owned(),
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
        let texts = [1_800_000_000, 1_800_000_001, 1_800_000_000, 0, 1_800_000_000, 1_800_000_002]
            .map(|seconds| Time(seconds).to_string());
        assert_eq!(texts[0], texts[2]);
        assert_eq!(texts[0], texts[4]);
        assert_ne!(texts[0], texts[1]);
        assert_eq!(texts[3], " ".repeat(20));
        assert!(!texts[..5].contains(&texts[5]));
    }
}
