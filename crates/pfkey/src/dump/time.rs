use std::fmt;

use chrono::{Local, TimeZone};

/// A point in time as ctime(3) has it without the weekday: `Nov 24 11:04:17 2026`, local time;
/// 20 blanks for 0.
#[derive(Clone, Copy)]
pub(super) struct Time(pub(super) u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = i64::try_from(self.0).ok().filter(|&seconds| seconds != 0);
        match known.and_then(|seconds| Local.timestamp_opt(seconds, 0).single()) {
            Some(time) => write!(f, "{}", time.format("%b %e %H:%M:%S %Y")),
            None => write!(f, "{:20}", ""),
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
}
