//! Against what the AF_KEY of Linux 6.1 said: `tests/captures/capture.py` made the captures.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

mod capture;
mod events;
mod requests;
mod sad;
mod samples;
mod spd;
