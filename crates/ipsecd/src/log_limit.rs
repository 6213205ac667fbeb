//! A limit of the log lines that users cause.

use std::{
    cmp::Reverse,
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

/// How often the lines that were not printed are reported, if their users cause no other.
pub(crate) const REPORT: Duration = Duration::from_secs(600);

/// Users that are counted one by one.
const MAX_USERS: usize = 1024;

/// Users whose first line since the last report is printed, however many lines others have caused.
const MAX_FIRST_LINES: usize = 64;

/// Users whose lines are counted one by one in a report: those with the most.
const MAX_NAMED: usize = 8;

/// The key of all further users: no user has this number (`uid_t` of -1).
const OTHERS: u32 = u32::MAX;

/// So many lines in that time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate(pub(crate) u32, pub(crate) Duration);

/// A limit for each user and one for all.
pub(crate) struct LogLimit {
    of_a_user: Rate,
    of_all: Rate,
    state: Mutex<State>,
}

/// Lines that were not printed, by the users who caused them.
#[derive(Debug, PartialEq, Eq)]
struct Suppressed {
    lines: u64,
    /// User IDs with their lines, the most first.
    largest: Vec<(u32, u64)>,
    /// What others have caused.
    others: u64,
}

struct State {
    all: Period,
    users: HashMap<u32, User>,
    reported: Instant,
}

struct User {
    period: Period,
    suppressed: u64,
}

/// The lines since the beginning of a period.
struct Period {
    begin: Instant,
    length: Duration,
    lines: u32,
}

impl LogLimit {
    pub(crate) fn new(of_a_user: Rate, of_all: Rate) -> Self {
        let now = Instant::now();
        let state = State { all: Period::new(of_all, now), users: HashMap::new(), reported: now };
        Self { of_a_user, of_all, state: Mutex::new(state) }
    }

    /// Whether a user's line may be printed; how many of the user's lines were not since the last one.
    /// The first line of each of a few users is always printed: no user takes the place of all others.
    /// The period of a user who causes more lines than are printed doubles with each of them.
    pub(crate) fn admit(&self, uid: u32, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { all, users, .. } = &mut *state;
        let is_known = users.contains_key(&uid);
        let is_first = !is_known && users.len() < MAX_FIRST_LINES;
        let is_counted = is_known || users.len() < MAX_USERS;
        let user = users
            .entry(if is_counted { uid } else { OTHERS })
            .or_insert_with(|| User { period: Period::new(self.of_a_user, now), suppressed: 0 });
        let longer = match user.suppressed {
            0 => self.of_a_user.1,
            _ => (user.period.length * 2).min(REPORT),
        };
        user.period.advance(longer, now);
        all.advance(self.of_all.1, now);
        if user.period.lines >= self.of_a_user.0 || (all.lines >= self.of_all.0 && !is_first) {
            user.suppressed += 1;
            return None;
        }
        user.period.lines += 1;
        all.lines += 1;
        Some(std::mem::take(&mut user.suppressed))
    }

    /// Logs the lines that were not printed and not reported either, every [`REPORT`]; `about` is what they are about.
    pub(crate) fn log_suppressed(&self, about: &'static str) {
        let Some(suppressed) = self.report(Instant::now()) else { return };
        warn!(lines = suppressed.lines, by_uid = %suppressed, about, "log lines suppressed");
    }

    /// The lines that were not printed and not reported either, every [`REPORT`].
    fn report(&self, now: Instant) -> Option<Suppressed> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(state.reported) < REPORT {
            return None;
        }
        state.reported = now;
        let users = std::mem::take(&mut state.users);
        let counts = users.into_iter().map(|(uid, user)| (uid, user.suppressed));
        Suppressed::new(counts.filter(|(_, lines)| *lines != 0).collect())
    }
}

impl Suppressed {
    /// `None` if there are no lines.
    fn new(mut users: Vec<(u32, u64)>) -> Option<Self> {
        let lines = users.iter().map(|(_, lines)| lines).sum();
        // Those that were not counted one by one are no user.
        users.sort_unstable_by_key(|(uid, lines)| (*uid == OTHERS, Reverse(*lines), *uid));
        let named = users.iter().filter(|(uid, _)| *uid != OTHERS).count().min(MAX_NAMED);
        let others = users.split_off(named).iter().map(|(_, lines)| lines).sum();
        (lines != 0).then_some(Self { lines, largest: users, others })
    }
}

/// `1000:25 1001:3 others:7`.
impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blank = "";
        for (uid, lines) in &self.largest {
            write!(f, "{blank}{uid}:{lines}")?;
            blank = " ";
        }
        if self.others != 0 {
            write!(f, "{blank}others:{}", self.others)?;
        }
        Ok(())
    }
}

impl Period {
    fn new(Rate(_, length): Rate, now: Instant) -> Self {
        Self { begin: now, length, lines: 0 }
    }

    /// Begins another one, of this length, if this one is over.
    fn advance(&mut self, length: Duration, now: Instant) {
        if now.duration_since(self.begin) >= self.length {
            *self = Self { begin: now, length, lines: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit() -> LogLimit {
        LogLimit::new(Rate(1, SECOND), Rate(10, REPORT))
    }

    #[test]
    fn a_user_has_a_line_a_second_and_the_rest_is_counted() {
        let (limit, begin) = (limit(), Instant::now());
        assert_eq!(limit.admit(7, begin), Some(0));
        assert_eq!(limit.admit(8, begin), Some(0));
        for _ in 0..5 {
            assert_eq!(limit.admit(7, begin + SECOND / 2), None);
        }
        assert_eq!(limit.admit(7, begin + SECOND), Some(5));
        assert_eq!(limit.admit(7, begin + 5 * SECOND), Some(0));
    }

    #[test]
    fn an_hour_of_a_flood_is_a_page_of_log() {
        let (limit, begin) = (limit(), Instant::now());
        let (mut printed, mut reports, mut suppressed) = (0, 0, 0);
        for tenth in 0..36_000 {
            let now = begin + SECOND / 10 * tenth;
            for uid in 0..8 {
                if let Some(before) = limit.admit(uid, now) {
                    (printed, suppressed) = (printed + 1, suppressed + before);
                }
            }
            if let Some(report) = limit.report(now) {
                (reports, suppressed) = (reports + 1, suppressed + report.lines);
            }
        }
        // Ten lines of all, and the first of each user, in ten minutes.
        assert!(printed + reports < 6 * (10 + 8 + 1), "{printed} {reports}");
        let rest = limit.report(begin + 2 * SECOND * 3600).map_or(0, |report| report.lines);
        assert_eq!(printed + suppressed + rest, 8 * 36_000);
    }

    #[test]
    fn a_flood_of_one_user_leaves_a_line_for_others() {
        let (limit, begin) = (limit(), Instant::now());
        for second in 0..60 {
            limit.admit(7, begin + second * SECOND);
        }
        for uid in 100..110 {
            limit.admit(uid, begin + 61 * SECOND);
        }
        assert_eq!(limit.admit(8, begin + 62 * SECOND), Some(0));
        assert_eq!(limit.admit(8, begin + 64 * SECOND), None);
        let later = (200..400).filter(|uid| limit.admit(*uid, begin + 65 * SECOND).is_some());
        assert_eq!(later.count(), MAX_FIRST_LINES - 12);
    }

    #[test]
    fn users_beyond_number_share_a_line() {
        let limit = LogLimit::new(Rate(1, SECOND), Rate(u32::MAX, REPORT));
        let now = Instant::now();
        let max_users = u32::try_from(MAX_USERS).unwrap();
        let printed = (0..2 * max_users).filter(|uid| limit.admit(*uid, now).is_some()).count();
        assert_eq!(printed, MAX_USERS + 1);
        let lines = u64::from(max_users) - 1;
        let suppressed = Suppressed { lines, largest: Vec::new(), others: lines };
        assert_eq!(suppressed.to_string(), "others:1023");
        assert_eq!(limit.report(now + REPORT), Some(suppressed));
    }

    #[test]
    fn the_users_with_the_most_lines_are_named() {
        let (limit, now) = (limit(), Instant::now());
        for uid in 0..12 {
            // The first is printed.
            for _ in 0..=100 * (uid % 3) + uid {
                limit.admit(uid, now);
            }
        }
        limit.admit(1000, now);
        let report = limit.report(now + REPORT).unwrap();
        assert_eq!(
            report.to_string(),
            "11:211 8:208 5:205 2:202 10:110 7:107 4:104 1:101 others:18"
        );
        assert_eq!(report.lines, 1200 + (0..12).sum::<u64>());
        assert_eq!(limit.report(now + 2 * REPORT), None);
    }
}
