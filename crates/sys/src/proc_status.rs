//! The fields of /proc/PID/status (proc_pid_status(5)) that the workspace needs.
//!
//! Hand-written because `procfs_core::process::ProcStatus` reads every field of the file, fails as a whole if
//! one of them is missing or has another format, and cuts a name at a colon. A reader of single fields
//! there would end this file. The caller opens the file, by a descriptor whose identity it has checked.

use rustix::thread::CapabilitySet;

/// The text of /proc/PID/status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcStatus(String);

impl ProcStatus {
    /// Takes the text of the file.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The name of the thread, up to 15 bytes, without the escapes of unusual ones resolved.
    #[must_use]
    pub fn name(&self) -> &str {
        self.field("Name:").unwrap_or_default()
    }

    /// The number of the process that the thread is of.
    #[must_use]
    pub fn process(&self) -> Option<i32> {
        self.field("Tgid:")?.parse().ok()
    }

    /// The effective capabilities, in the user namespace of the thread.
    #[must_use]
    pub fn effective(&self) -> Option<CapabilitySet> {
        let bits = u64::from_str_radix(self.field("CapEff:")?, 16).ok()?;
        Some(CapabilitySet::from_bits_retain(bits))
    }

    /// The user of the files that the thread makes.
    #[must_use]
    pub fn file_system_user(&self) -> Option<u32> {
        self.numbers("Uid:").nth(3)
    }

    /// The effective group.
    #[must_use]
    pub fn effective_group(&self) -> Option<u32> {
        self.numbers("Gid:").nth(1)
    }

    /// The supplementary groups.
    #[must_use]
    pub fn groups(&self) -> Vec<u32> {
        self.numbers("Groups:").collect()
    }

    /// Whether the process ignores the signal of this number.
    #[must_use]
    pub fn ignores(&self, signal: i32) -> bool {
        let mask = self.field("SigIgn:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
        let bit = signal.checked_sub(1).and_then(|bit| 1u64.checked_shl(bit.try_into().ok()?));
        mask.zip(bit).is_some_and(|(mask, bit)| mask & bit != 0)
    }

    fn numbers(&self, label: &str) -> impl Iterator<Item = u32> {
        self.field(label).unwrap_or_default().split_whitespace().flat_map(str::parse)
    }

    fn field(&self, label: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(label)).map(str::trim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_labels() {
        let status = ProcStatus::new(
            "Name:\tcat\nTgid:\t42\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n\
             CapInh:\t0000000000000000\nCapEff:\t0000000000001001\n"
                .to_owned(),
        );
        assert_eq!((status.name(), status.process()), ("cat", Some(42)));
        let effective = CapabilitySet::CHOWN | CapabilitySet::NET_ADMIN;
        assert_eq!(status.effective(), Some(effective));
        assert_eq!((status.file_system_user(), status.effective_group()), (Some(4), Some(6)));
        assert_eq!(status.groups(), [9, 10]);
    }

    #[test]
    fn signals_are_counted_from_one() {
        let status = ProcStatus::new("SigIgn:\t0000000000004001\n".to_owned());
        assert!(status.ignores(1) && status.ignores(15));
        assert!(!status.ignores(2) && !status.ignores(0) && !status.ignores(100));
        assert!(!ProcStatus::default().ignores(1));
    }

    #[test]
    fn a_missing_field_is_no_privilege() {
        let status = ProcStatus::new("Name:\tcat\nCapEff:\tx\n".to_owned());
        assert_eq!((status.effective(), status.file_system_user()), (None, None));
        assert_eq!(ProcStatus::default().name(), "");
    }

    #[test]
    fn this_thread_has_a_status() {
        let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let own = rustix::thread::capabilities(None).unwrap();
        assert_eq!(ProcStatus::new(text).effective(), Some(own.effective));
    }
}
