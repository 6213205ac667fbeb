//! sched_setscheduler(2), which no library calls.
#![allow(unsafe_code, reason = "one sched_setscheduler(2)")]

use std::io;

/// Has this thread wait, when it wakes, until the running one has ended its turn (`SCHED_BATCH`,
/// sched(7)): where it would run in the place of the program that wakes it, it would take each
/// request alone, though more are about to come.
pub(super) fn let_others_finish() -> io::Result<()> {
    schedule(libc::SCHED_BATCH)
}

/// Ends [`let_others_finish`]: a program that this thread executes is scheduled as others are.
pub(super) fn as_usual() -> io::Result<()> {
    schedule(libc::SCHED_OTHER)
}

fn schedule(policy: libc::c_int) -> io::Result<()> {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads `param`, which outlives the call; 0 is this thread.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const param) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn this_thread_is_scheduled_in_batches() {
        let_others_finish().unwrap();
        // Field 41, of those after the program's name in parentheses the 39th: the policy.
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let policy = fields.split_whitespace().nth(38).unwrap();
        assert_eq!(policy, libc::SCHED_BATCH.to_string());
    }
}
