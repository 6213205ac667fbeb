//! What a process uses.

use std::fs;

use rustix::process::Pid;

/// The processor time that a process has used, in ticks of 10 ms.
#[must_use]
pub fn processor_ticks(pid: Pid) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).expect("it runs");
    // proc_pid_stat(5): utime and stime are the twelfth and thirteenth behind the name.
    let behind_name = stat.rsplit_once(')').expect("a name").1;
    let fields = behind_name.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

/// What a process uses at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// Resident memory in KiB.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: u64,
}

impl Vitals {
    /// Of a process that runs.
    #[must_use]
    pub fn of(pid: Pid) -> Self {
        let pid = pid.as_raw_nonzero();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.and_then(|number| number.parse().ok()).expect("a number")
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("root reads it").count();
        Self { memory: field("VmRSS:"), descriptors, threads: field("Threads:") }
    }
}
