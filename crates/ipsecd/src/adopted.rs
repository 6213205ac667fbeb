//! The child processes of the program that this one has taken the place of. They receive what clients send
//! (`sys::foreign`), and wait for the close of a file that a client has sent.

use std::{fs, thread, time::Duration};

use rustix::{
    io::Errno,
    process::{Pid, WaitOptions, getpid, waitpid},
};
use tracing::{info, warn};

/// How often the processes are asked for.
const INTERVAL: Duration = Duration::from_secs(1);

/// Waits for their ends in a thread, which ends with them: nothing else does, and each would stay in the
/// table of processes. To be called before this program has children of its own.
pub(crate) fn wait_for_children() {
    let mut children = children();
    if children.is_empty() {
        return;
    }
    info!(count = children.len(), "processes of the previous program have not ended");
    let wait = move || {
        while !children.is_empty() {
            // ECHILD: there is no such process.
            let waits = |pid: &Pid| {
                matches!(waitpid(Some(*pid), WaitOptions::NOHANG), Ok(None) | Err(Errno::INTR))
            };
            children.retain(waits);
            thread::sleep(INTERVAL);
        }
    };
    if let Err(error) = thread::Builder::new().name("adopted".into()).spawn(wait) {
        warn!(%error, "processes of the previous program not waited for");
    }
}

/// The child processes. A kernel without `CONFIG_PROC_CHILDREN` names none.
fn children() -> Vec<Pid> {
    let pid = getpid().as_raw_nonzero();
    let text = fs::read_to_string(format!("/proc/self/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| Pid::from_raw(word.parse().ok()?)).collect()
}
