//! Which process has started the drop monitor, and how it was configured before: a lock and a record in
//! `/run/xfrm-tools`. The record is written before the kernel is changed and removed after that was undone:
//! what a killed process leaves is restored by the next.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::Path,
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
};
use sys::run;

use crate::AlertConfiguration;

/// Its name. There is one drop monitor for all network namespaces.
const NAME: &str = "drop-monitor";

/// More than a record has, bytes.
const MOST: u64 = 128;

/// The lock, which ends with the process that has it.
pub(crate) struct Claim(File);

impl Claim {
    /// Takes the lock; none: another process has it.
    ///
    /// Errors: those of open(2) and flock(2).
    pub(crate) fn take() -> io::Result<Option<Self>> {
        let directory = Path::new(run::DIRECTORY);
        run::make_directory(directory)?;
        Self::take_in(directory)
    }

    fn take_in(directory: &Path) -> io::Result<Option<Self>> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(open(directory.join(NAME), flags, Mode::RUSR | Mode::WUSR)?);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// What a process has left that was killed: the configuration before it.
    pub(crate) fn left_over(&mut self) -> Option<AlertConfiguration> {
        let mut text = String::new();
        self.0.rewind().ok()?;
        (&self.0).take(MOST).read_to_string(&mut text).ok()?;
        text.parse().ok()
    }

    /// Records the configuration before the kernel is changed.
    pub(crate) fn record(&mut self, before: AlertConfiguration) -> io::Result<()> {
        self.clear()?;
        writeln!(self.0, "{before}")
    }

    /// The kernel is as it was before.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.0.rewind()?;
        self.0.set_len(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AlertMode;

    #[test]
    fn one_process_has_it_and_its_record_stays() {
        let directory = tempfile::tempdir().unwrap();
        let take = || Claim::take_in(directory.path()).unwrap();
        let before = AlertConfiguration { mode: AlertMode::Summary, head: 0, queue: 1000 };
        let mut first = take().unwrap();
        assert_eq!(first.left_over(), None);
        first.record(AlertConfiguration { head: 123_456, ..before }).unwrap();
        first.record(before).unwrap();
        assert!(take().is_none());
        drop(first);
        let mut next = take().unwrap();
        assert_eq!(next.left_over(), Some(before));
        next.clear().unwrap();
        assert_eq!(next.left_over(), None);
    }

    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/null", directory.path().join(NAME)).unwrap();
        assert!(Claim::take_in(directory.path()).is_err());
    }
}
