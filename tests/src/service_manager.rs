//! systemd, as the manager of a user's services, on the test kernel: it restarts ipsecd as the machine's own would.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Host, Outcome,
    daemon::{installed_ipsecd, open_to_all},
};

const SYSTEMD: &str = "/lib/systemd/systemd";

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A systemd with one unit, `ipsecd.service`, on a host; killed when it is dropped.
pub struct ServiceManager {
    process: Child,
    directory: TempDir,
}

impl ServiceManager {
    /// Starts systemd, and ipsecd with the lines of its own unit that say how it is restarted.
    #[must_use]
    pub fn start(host: &Host) -> Self {
        Self::start_with(
            host,
            &["Type=", "Restart=", "FileDescriptorStoreMax=", "Environment=FDSTORE="],
        )
    }

    /// The same without those that have systemd store descriptors.
    #[must_use]
    pub fn without_store(host: &Host) -> Self {
        Self::start_with(host, &["Type=", "Restart="])
    }

    fn start_with(host: &Host, lines: &[&str]) -> Self {
        // What systemd asks of a machine before it serves a user.
        fs::create_dir_all("/run/systemd/system").expect("root's");
        if !Path::new("/sys/fs/cgroup/cgroup.procs").exists() {
            let mut mount = Command::new("mount");
            Outcome::success(mount.args(["-t", "cgroup2", "none", "/sys/fs/cgroup"]));
        }
        let directory = TempDir::new_in("/run").expect("a temporary directory");
        // The daemon reports to a socket in it.
        open_to_all(directory.path(), 0o711);
        let units = directory.path().join("units");
        fs::create_dir(&units).expect("a directory in it");
        for target in ["basic.target", "shutdown.target", "default.target"] {
            fs::write(units.join(target), "[Unit]\nDescription=nothing\n").expect("a file");
        }
        fs::write(units.join("ipsecd.service"), unit(host, lines, &directory.path().join("log")))
            .expect("a file");
        let log = File::options().create(true).append(true).open(directory.path().join("log"));
        let log = log.expect("a file");
        // Two managers in one group of processes would each take the other's services for their own.
        let group = Path::new("/sys/fs/cgroup").join(host.name());
        fs::create_dir_all(&group).expect("a group of processes");
        // Every user can report to the machine's own manager, whose umask is 0.
        let mut systemd = Command::new("sh");
        systemd
            .args([
                "-ec",
                "echo $$ >\"$1/cgroup.procs\"; umask 0; exec \"$2\" --user --log-target=console",
            ])
            .arg("sh")
            .arg(group)
            .arg(SYSTEMD)
            .env("SYSTEMD_UNIT_PATH", &units)
            .stderr(log)
            .stdout(Stdio::null());
        systemd.env("XDG_RUNTIME_DIR", directory.path());
        let process = systemd.spawn().expect("systemd is installed");
        let manager = Self { process, directory };
        let begun = Instant::now();
        loop {
            let started = manager.try_systemctl("start ipsecd");
            if started.status == 0 {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{started:?}\n{}", manager.log());
            thread::sleep(Duration::from_millis(100));
        }
        manager
    }

    /// systemctl(1) with these words, which must succeed; what it prints.
    #[must_use]
    pub fn systemctl(&self, words: &str) -> String {
        let outcome = self.try_systemctl(words);
        assert_eq!(outcome.status, 0, "{words}: {outcome:?}\n{}", self.log());
        outcome.stdout
    }

    fn try_systemctl(&self, words: &str) -> Outcome {
        let mut systemctl = Command::new("systemctl");
        systemctl.arg("--user").args(words.split_whitespace());
        Outcome::of(systemctl.env("XDG_RUNTIME_DIR", self.directory.path()))
    }

    /// What the manager and its services have logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for ServiceManager {
    fn drop(&mut self) {
        let _ = self.try_systemctl("stop ipsecd");
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The unit, from `dist/systemd`, with the lines that begin with these words alone: some need the machine's own
/// manager.
fn unit(host: &Host, words: &[&str], log: &Path) -> String {
    let installed =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dist/systemd/ipsecd.service");
    let installed = fs::read_to_string(installed).expect("the unit");
    let wanted = |line: &&str| words.iter().any(|word| line.starts_with(word));
    let lines = installed.lines().filter(wanted).collect::<Vec<_>>();
    assert_eq!(lines.len(), words.len(), "{lines:?}");
    format!(
        "[Service]\n{}\nRestartSec=0\nStartLimitBurst=100\nStandardError=append:{}\nExecStart=ip netns exec {} \"{}\" -v --user daemon\n",
        lines.join("\n"),
        log.display(),
        host.name(),
        installed_ipsecd().display(),
    )
}
