//! Users who may nothing do all they can, and root notices nothing of it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::Pid;
use scenarios::{Background, Host, Outcome, lasts};
use tempfile::TempDir;

use super::{NEVER, Served, answer_time, open_to_all, patient};

/// What a request of root may take beside what it takes next to the same programs with another target, or to as many that
/// only compute. In the test kernel, which has one processor, a process that starts waits for them, and for what the
/// kernel does for them.
const SOON: Duration = Duration::from_millis(100);

/// How long other programs are measured at most.
const MEASURED: Duration = Duration::from_secs(60);

/// Lines that may be logged.
const LINES: usize = 100;

/// What is done, by which users. Some need users of their own: places are counted by user.
const ATTACKS: [(&str, std::ops::Range<u32>); 7] = [
    ("sockets", 65533..65535),
    ("hold", 100_000..100_008),
    ("linger", 100_010..100_011),
    ("locks", 65534..65535),
    ("files", 65534..65535),
    ("namespaces", 65534..65535),
    ("process", 65534..65535),
];

/// A policy that needs a record, the lock, and the variables.
const POLICY: &str =
    "spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/10.0.0.1-10.0.0.2/use;
    spdadd 10.1.0.0/24 10.3.0.0/24 any -P in ipsec esp/transport//default;
    spddelete 10.1.0.0/24 10.2.0.0/24 any -P out;
    spddelete 10.1.0.0/24 10.3.0.0/24 any -P in;";

const SOCKET_LIST: &str = "ipsecctl socket list";

type Longest = BTreeMap<&'static str, Duration>;

#[test]
fn users_without_permission_harm_nothing() {
    // As everywhere but in the test kernel.
    open_to_all("/run".as_ref(), 0o755);
    let served = Served::new();
    let group = UsersGroup::new();
    let usual = served.usual(&group);
    let quiet = served.lines();
    let daemon = Target { directory: engine::RUN_DIRECTORY.into(), process: served.daemon.pid() };
    let mut attackers = served.attack(&group, Some(&daemon));
    let begin = Instant::now();
    let longest = served.requests_for(lasts());
    let took = begin.elapsed();
    let lines = served.lines() - quiet;
    println!("{took:.0?}: {lines} lines of log");
    for (request, longest) in &longest {
        println!("{request}: longest {longest:?}, beside other programs {:?}", usual[request]);
    }
    for (name, attacker) in &mut attackers {
        attacker.end();
        let printed: Vec<String> = attacker.lines.iter().collect();
        let breaches: Vec<_> = printed.iter().filter(|line| line.starts_with("breach")).collect();
        assert!(breaches.is_empty(), "{name}: {breaches:#?}");
        let attempts = printed.iter().rev().find_map(|line| line.strip_prefix("attempts: "));
        println!("{name}: {} attempts", attempts.unwrap_or_else(|| panic!("{name}: {printed:?}")));
    }
    assert!(lines < LINES, "{lines} lines:\n{}", served.daemon.log());
    for (request, longest) in longest {
        // This looks at every socket of every process: it takes longer, the more there are.
        if request != SOCKET_LIST {
            assert!(
                longest < SOON + 2 * usual[request],
                "{request}: {longest:?}, {:?}",
                usual[request]
            );
        }
    }
    served.answers();
}

impl Served {
    /// The longest times beside the same programs with another target, and beside as many that only compute.
    fn usual(&self, group: &UsersGroup) -> Longest {
        let decoy = Decoy::new();
        let mut usual = Longest::new();
        for target in [Some(&decoy.target), None] {
            let _programs = self.attack(group, target);
            for (request, longest) in self.requests_for(MEASURED.min(lasts() / 4)) {
                let most = usual.entry(request).or_default();
                *most = longest.max(*most);
            }
        }
        usual
    }

    /// Programs of the users, which attack a target or only compute.
    fn attack(&self, group: &UsersGroup, target: Option<&Target>) -> Vec<(String, Background)> {
        let users =
            ATTACKS.into_iter().flat_map(|(attack, users)| users.map(move |user| (attack, user)));
        users
            .map(|(attack, user)| {
                let program = self.unprivileged(user, "attack.py");
                let mut command = group.command(&program);
                match target {
                    Some(Target { directory, process }) => {
                        command.arg(attack).arg(directory);
                        command.arg(process.as_raw_nonzero().to_string());
                    }
                    None => drop(command.args(["compute", "/", "0"])),
                }
                (format!("{attack} {user}"), Background::start(&mut command))
            })
            // All have begun when the first request is made.
            .inspect(|(name, attacker)| drop(attacker.lines.recv_timeout(NEVER).expect(name)))
            .collect()
    }

    /// Lines of the log, but for those of what the permitted user does: one a request.
    fn lines(&self) -> usize {
        let is_permitted =
            |line: &str| line.contains(" socket policy set pid=") && line.contains(" uid=1000 ");
        self.daemon.log().lines().filter(|line| !is_permitted(line)).count()
    }

    /// Root's requests for so long: the longest time that each has taken.
    fn requests_for(&self, time: Duration) -> Longest {
        let mut longest = Longest::new();
        let mut take = |name, work: &mut dyn FnMut()| {
            let begin = Instant::now();
            work();
            let took = begin.elapsed();
            longest.entry(name).and_modify(|most| *most = took.max(*most)).or_insert(took);
        };
        let side = self.side();
        let begin = Instant::now();
        for n in 0.. {
            if begin.elapsed() > time {
                break;
            }
            take("setkey -D", &mut || assert_eq!(self.host.setkey("-D").status, 0));
            take("spdadd", &mut || self.host.load(POLICY));
            take("sysctl -w", &mut || {
                self.host.set(&format!("net.inet.ipsec.esp_net_deflev={}", 1 + n % 2));
            });
            take("PF_KEY", &mut || {
                answer_time(&patient(side.open()));
            });
            take(SOCKET_LIST, &mut || assert_eq!(self.host.ipsecctl("socket list").status, 0));
            take("a permitted user", &mut || {
                let outcome = self.protect();
                assert_eq!(outcome.status, 0, "{outcome:?}\n{}", self.daemon.log());
            });
            if n % 4 == 0 {
                first_use();
            }
        }
        longest
    }
}

/// The users' programs share the processors with root's as one, as those of `user.slice` do where systemd is.
struct UsersGroup {
    mount: TempDir,
}

impl UsersGroup {
    fn new() -> Self {
        let mount = TempDir::new().expect("a temporary directory");
        Outcome::success(
            Command::new("mount").args(["-t", "cgroup", "-o", "cpu", "none"]).arg(mount.path()),
        );
        let group = Self { mount };
        fs::create_dir_all(group.directory()).expect("a group");
        group
    }

    fn directory(&self) -> PathBuf {
        self.mount.path().join("users")
    }

    /// A command that runs in the group.
    fn command(&self, program: &Command) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ >\"$0\" && exec nice -n10 \"$@\""]);
        command.arg(self.directory().join("cgroup.procs"));
        command.arg(program.get_program()).args(program.get_args());
        command
    }
}

impl Drop for UsersGroup {
    fn drop(&mut self) {
        // Some programs may not have ended yet.
        let _ = Command::new("umount").arg("-l").arg(self.mount.path()).output();
    }
}

/// What the programs attack.
struct Target {
    /// That of the files.
    directory: PathBuf,
    process: Pid,
}

/// A target without a service: files as those of ipsecd, and a process of root.
struct Decoy {
    target: Target,
    _files: TempDir,
    _process: Background,
}

impl Decoy {
    fn new() -> Self {
        let files = TempDir::new().expect("a temporary directory");
        open_to_all(files.path(), 0o755);
        // In a directory of root's, as in /run.
        let directory = files.path().join("run");
        let namespace = directory.join("1");
        fs::create_dir_all(&namespace).expect("a directory");
        for name in ["lock", "store.sqlite", "variables.conf"] {
            fs::write(namespace.join(name), "").expect("a file");
            let mode = if name == "variables.conf" { 0o644 } else { 0o600 };
            open_to_all(&namespace.join(name), mode);
        }
        let process = Background::start(Command::new("sleep").arg("infinity"));
        let target = Target { directory, process: process.pid() };
        Self { target, _files: files, _process: process }
    }
}

/// The directory of a namespace that is new, and what is made in it, is root's.
fn first_use() {
    let host = Host::new("first");
    host.load("spdadd 10.1.0.0/24 10.3.0.0/24 any -P in ipsec esp/transport//default;");
    host.set("net.inet.ipsec.esp_net_deflev=2");
    let directory = fs::symlink_metadata(host.kept()).expect("it was made");
    assert!(directory.is_dir());
    for entry in fs::read_dir(host.kept()).expect("its files").flatten() {
        let metadata = entry.metadata().expect("it is there");
        assert_eq!((metadata.uid(), metadata.mode() & 0o022), (0, 0), "{}", entry.path().display());
    }
    assert_eq!((directory.uid(), directory.mode() & 0o022), (0, 0));
    Outcome::success(Command::new("rm").arg("-r").arg(host.kept()));
}
