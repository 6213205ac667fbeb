//! Pings that go on.

use std::{sync::LazyLock, time::Duration};

use regex::Regex;

use crate::{Background, Host};

/// Longer than until the next answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A ping(8) under way.
pub struct Pings(Background);

impl Pings {
    /// Starts it with these words, an address among them.
    #[must_use]
    pub fn start(host: &Host, words: &str) -> Self {
        let mut ping = host.command("ping");
        Self(Background::start(ping.arg("-n").args(words.split_whitespace())))
    }

    /// The numbers of those that were answered, from 1. There will be no more.
    #[must_use]
    pub fn answered(mut self) -> Vec<usize> {
        let mut answered: Vec<usize> =
            self.0.lines.try_iter().filter_map(|it| number(&it)).collect();
        // It ends right after an answer, with none on its way.
        for _ in 0..2 {
            answered.extend(self.0.lines.recv_timeout(PATIENCE).ok().and_then(|it| number(&it)));
        }
        self.0.end();
        answered.extend(self.0.lines.iter().filter_map(|it| number(&it)));
        answered
    }
}

/// The number in a line about an answer.
fn number(line: &str) -> Option<usize> {
    static ANSWER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"bytes from .* icmp_seq=(\d+)").expect("a pattern"));
    ANSWER.captures(line)?[1].parse().ok()
}
