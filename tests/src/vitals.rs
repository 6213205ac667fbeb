//! What a process uses.

use std::fs;

use rustix::process::Pid;

use crate::{Host, Outcome, ipsecctl};

/// The processor time that a process has used, in ticks of 10 ms.
#[must_use]
pub fn processor_ticks(pid: Pid) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).expect("it runs");
    // proc_pid_stat(5): utime and stime are the twelfth and thirteenth behind the name.
    let behind_name = stat.rsplit_once(')').expect("a name").1;
    let fields = behind_name.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

/// How long `ipsecctl` runs on a host with these words, in milliseconds, and its most memory, in KiB.
#[must_use]
pub fn time_and_memory(host: &Host, words: &[&str]) -> [u64; 2] {
    let program = "import resource, subprocess, sys, time\n\
        before = time.monotonic()\n\
        subprocess.run(sys.argv[1:], stdout=open('/dev/null', 'w'), check=True)\n\
        spent = time.monotonic() - before\n\
        print(round(spent * 1000), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut command = host.command("python3");
    command.args(["-c", program]).arg(ipsecctl()).args(words);
    let text = Outcome::success(&mut command);
    let numbers = text.split_whitespace().map(|it| it.parse().expect("a number"));
    numbers.collect::<Vec<u64>>().try_into().expect("two numbers")
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
