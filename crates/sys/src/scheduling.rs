//! sched_setscheduler(2) for this thread.
//!
//! Hand-written because neither rustix nor nix has the call, and `thread-priority` sets the nice value
//! of the process with it: `sched_setscheduler` in rustix would end it.
#![allow(unsafe_code, reason = "one sched_setscheduler(2)")]

use rustix::io::Errno;

use crate::errno::checked;

/// Schedules this thread as one that computes (`SCHED_BATCH`, sched(7)): when it wakes, it waits until
/// the running thread has ended its turn.
pub fn batch() -> Result<(), Errno> {
    schedule(libc::SCHED_BATCH)
}

/// Ends [`batch`]: schedules this thread as is usual (`SCHED_OTHER`).
pub fn other() -> Result<(), Errno> {
    schedule(libc::SCHED_OTHER)
}

fn schedule(policy: libc::c_int) -> Result<(), Errno> {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads `param`, which outlives the call; 0 is this thread.
    checked(unsafe { libc::sched_setscheduler(0, policy, &raw const param) }).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Field 41 of /proc/PID/stat, which is the 39th of those after the program's name in parentheses.
    fn policy() -> libc::c_int {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().nth(38).unwrap().parse().unwrap()
    }

    #[test]
    fn this_thread_is_scheduled_in_batches_and_as_usual() {
        batch().unwrap();
        assert_eq!(policy(), libc::SCHED_BATCH);
        other().unwrap();
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
