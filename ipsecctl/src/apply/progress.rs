use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// What takes no longer shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two lines.
const INTERVAL: Duration = Duration::from_millis(100);
/// Columns of the bar.
const WIDTH: usize = 40;

/// A bar on the terminal of standard error.
pub struct Progress {
    all: usize,
    begun: Instant,
    /// When the bar is drawn next; none without a terminal.
    next: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    pub fn new(all: usize) -> Self {
        let begun = Instant::now();
        let next = io::stderr().is_terminal().then(|| begun + PATIENCE);
        Self { all, begun, next, is_shown: false }
    }

    /// Draws the bar, if it is time.
    pub fn show(&mut self, done: usize) {
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + INTERVAL);
        self.is_shown = true;
        let filled = WIDTH * done / self.all.max(1);
        let (bar, rest) = ("#".repeat(filled), ".".repeat(WIDTH - filled));
        let seconds = (now - self.begun).as_secs();
        // Without standard error nothing can be shown.
        let _ = write!(io::stderr(), "\r[{bar}{rest}] {done} of {} changes, {seconds} s", self.all);
    }

    /// Removes the bar.
    pub fn clear(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
