//! What users can try at the service that every user can connect to. Root's requests are answered
//! meanwhile, as are those of other users with a line.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use scenarios::{Daemon, Outcome, Program, Vitals, eventually, report_skipped};

use super::{Hosts, SCRIPTS, open};

/// Far longer than a request takes, also beside programs that are never idle.
const PROMPT: Duration = Duration::from_secs(5);

/// Root has a line, and user 1000.
const LINES: &str = "sockets user root bypass\nsockets user 1000 bypass\n";

/// `out bypass` by way of the service, also for root, who has no CAP_NET_ADMIN here.
const ASK: &str = "import socket, struct, time\n\
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
    begun = time.monotonic()\n\
    s.setsockopt(0, 16, struct.pack('=HHHBBII', 2, 18, 4, 2, 0, 0, 0))\n\
    print(time.monotonic() - begun)";

impl Hosts {
    /// Hosts with the script of [`Hosts::stranger`].
    fn with_strangers() -> Self {
        let hosts = Self::new();
        let copy = hosts.file("strangers.py");
        fs::copy(Path::new(SCRIPTS).join("socket_permissions/strangers.py"), &copy)
            .expect("a copy");
        open(&copy, 0o644);
        hosts
    }

    /// A user who tries something.
    fn stranger(&self, uid: u32, words: &str) -> Program {
        let mut command = self.a.command("setpriv");
        command.args([format!("--reuid={uid}"), format!("--regid={uid}")]);
        command.args(["--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]);
        command.args(["/usr/bin/python3", "-B"]).arg(self.file("strangers.py"));
        Program::start(command.args(words.split(' ')))
    }

    /// How long a request of a user takes, who has no privilege.
    fn request_of(&self, uid: u32) -> Duration {
        let mut command = self.a.command("setpriv");
        command.args([format!("--reuid={uid}"), format!("--regid={uid}")]);
        command.args(["--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]);
        command.env("LD_PRELOAD", self.file("libpfkey_preload.so"));
        command.env("XFRM_TOOLS_SOCKET_POLICY", "xfrm");
        let seconds = Outcome::success(command.args(["/usr/bin/python3", "-c", ASK]));
        Duration::from_secs_f64(seconds.trim().parse().expect("seconds"))
    }
}

/// Threads of a process.
fn threads(pid: Pid) -> usize {
    fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).expect("a process").count()
}

/// Threads of a daemon without a client: one that closes sockets starts with the first, and has another
/// one for a moment.
fn most_threads(hosts: &Hosts, daemon: &Daemon) -> usize {
    hosts.request_of(0);
    threads(daemon.pid()) + 1
}

/// Waits until a process has no more threads than that.
fn wait_for_threads(daemon: &Daemon, count: usize) {
    eventually("threads have ended", || threads(daemon.pid()) <= count);
}

/// Eight users without a line keep as many connections as they can.
#[test]
fn users_without_a_line_exclude_no_other() {
    let hosts = Hosts::with_strangers();
    let daemon = hosts.serve(LINES);
    let most = most_threads(&hosts, &daemon);
    let _strangers: Vec<_> = (100_000..100_008).map(|uid| hosts.stranger(uid, "hold 16")).collect();
    for uid in [0, 1000] {
        for _ in 0..5 {
            let time = hosts.request_of(uid);
            assert!(time < PROMPT, "{uid}: {time:?}");
        }
    }
    wait_for_threads(&daemon, most);
}

/// A user with a line uses up the user's own slots, and no others.
#[test]
fn a_user_with_a_line_excludes_no_other() {
    let hosts = Hosts::with_strangers();
    let _daemon = hosts.serve(LINES);
    let _holder = hosts.stranger(1000, "hold 200");
    for _ in 0..5 {
        let time = hosts.request_of(0);
        assert!(time < PROMPT, "{time:?}");
    }
}

/// The service does not wait for the `SO_LINGER` of sockets that clients have sent.
#[test]
fn sockets_that_linger_keep_no_slot() {
    let hosts = Hosts::with_strangers();
    let daemon = hosts.serve(LINES);
    let most = most_threads(&hosts, &daemon);
    let _stranger = hosts.stranger(100_000, "linger 20");
    let _client = hosts.stranger(1000, "linger 20");
    for uid in [0, 1000] {
        let time = hosts.request_of(uid);
        assert!(time < PROMPT, "{uid}: {time:?}");
    }
    wait_for_threads(&daemon, most);
}

/// A user sends files of an own file system, whose close waits for that user's program: they stop neither
/// the service nor a restart, and take none of the descriptors for the daemon's own work.
#[test]
fn files_whose_close_waits_stop_nothing() {
    let hosts = Hosts::with_strangers();
    let device = "modprobe -d /run/kernel fuse
        [ -c /dev/fuse ] || mknod /dev/fuse c 10 229; chmod 666 /dev/fuse";
    if Outcome::of(hosts.a.command("sh").args(["-ec", device])).status != 0 {
        return report_skipped("FUSE, which this kernel does not have");
    }
    let daemon = hosts.serve(LINES);
    hosts.request_of(0);
    let before = Vitals::of(daemon.pid()).descriptors;
    let stranger = hosts.stranger(1000, "files 16");
    let taken = Vitals::of(daemon.pid()).descriptors - before;
    println!("{taken} descriptors taken");
    assert!(taken <= 16 * 3, "{taken} descriptors");
    let time = hosts.request_of(0);
    assert!(time < PROMPT, "{time:?}");
    let begun = Instant::now();
    daemon.signal(Signal::USR2);
    daemon.wait_for_news("READY=1");
    assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
    let time = hosts.request_of(0);
    assert!(time < PROMPT, "{time:?}");
    let stuck = children(daemon.pid());
    println!("{} processes wait", stuck.len());
    drop(stranger);
    let time = hosts.request_of(1000);
    assert!(time < PROMPT, "{time:?}");
    let begun = Instant::now();
    while children(daemon.pid()).iter().any(|child| stuck.contains(child)) {
        assert!(begun.elapsed() < PROMPT, "{:?} stay", children(daemon.pid()));
        thread::sleep(Duration::from_millis(100));
    }
}

/// The child processes of a process, those that have ended and were not waited for too.
fn children(pid: Pid) -> Vec<String> {
    let pid = pid.as_raw_nonzero();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process").flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .filter(|it| !it.is_empty())
        .collect()
}

/// A user without a line, and one with a line whose requests are refused, write no more of the log than
/// their limits are.
#[test]
fn a_flood_of_requests_is_a_few_lines_of_log() {
    let hosts = Hosts::with_strangers();
    let daemon = hosts.serve("sockets user root bypass\nsockets user 1000 discard\n");
    let mut strangers: Vec<_> =
        [100_000, 100_001, 1000].map(|uid| (uid, hosts.stranger(uid, "flood 4"))).into();
    let time = hosts.request_of(0);
    assert!(time < PROMPT, "{time:?}");
    let lines_of = |uid: u32| {
        let log = daemon.log();
        log.lines().filter(|line| line.contains(&format!("uid={uid} "))).count()
    };
    let mut suppressed = 0;
    for (uid, stranger) in &mut strangers {
        // The number of its requests, and the seconds that they took.
        let (requests, seconds) = stranger.next_socket();
        let (requests, lines) = (requests as usize, lines_of(*uid));
        let most = 10 * (seconds as usize + 2);
        assert!((1..=most).contains(&lines), "{uid}: {lines} lines about {requests} requests");
        suppressed += requests - lines;
    }
    let log = daemon.log();
    let rejected = log.lines().filter(|line| line.contains("client rejected")).count();
    assert!(rejected <= 10 && suppressed > 10, "{rejected} {suppressed}");
    assert!(log.contains("suppressed="), "{log}");
}
