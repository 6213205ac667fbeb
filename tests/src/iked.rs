//! Debian's iked, as it is, with a configuration, keys and a control socket of its own.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Host, Outcome, family::family, host::ipsecctl_with_library, preload};

/// How long anything may take: far longer than any does.
const PATIENCE: Duration = Duration::from_secs(60);

/// How iked comes to the service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By the library, in `LD_PRELOAD`.
    Preloaded,
    /// By `ipsecctl run`.
    Run,
}

/// An iked, ended when it is dropped.
pub struct Iked {
    process: Child,
    access: Access,
    configuration: String,
    /// What stands for `/etc/iked` and `/run/iked.sock`, and its log.
    directory: TempDir,
}

impl Iked {
    /// Starts one, and waits until it has its configuration.
    #[must_use]
    pub fn start(host: &Host, access: Access, configuration: &str) -> Self {
        let directory = TempDir::new_in("/run").expect("a directory");
        let path = directory.path();
        let file = path.join("iked.conf");
        fs::write(&file, configuration).expect("a file");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("it is ours");
        keys(&path.join("etc"));

        // `ip netns exec` has made a mount namespace.
        let mut command = host.command("sh");
        command.args(["-ec", "mount --bind \"$1\" /etc/iked; shift; exec \"$@\"", "sh"]);
        command.arg(path.join("etc")).env("XFRM_TOOLS_PFKEY", "service");
        match access {
            Access::Preloaded => drop(command.env("LD_PRELOAD", preload())),
            Access::Run => drop(command.arg(ipsecctl_with_library()).args(["run", "--"])),
        }
        command.args(["/usr/sbin/iked", "-dvv", "-f"]).arg(&file).arg("-s").arg(path.join("sock"));
        let log = File::create(path.join("log")).expect("a file");
        let process = command.stdout(log.try_clone().expect("a file")).stderr(log).spawn();
        let process = process.expect("iked is installed");
        let configuration = configuration.to_owned();
        let iked = Self { process, access, configuration, directory };
        // The last of its configuration; before, it would forget what it has begun.
        iked.wait_for("config_getstatic: no stickyaddress");
        iked.wait_for("config_getocsp: ");
        iked
    }

    /// Another one in its place.
    #[must_use]
    pub fn another(&self, host: &Host) -> Self {
        Self::start(host, self.access, &self.configuration)
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).expect("its log")
    }

    /// Waits until its log has these words.
    pub fn wait_for(&self, words: &str) {
        let begun = Instant::now();
        while !self.log().contains(words) {
            assert!(begun.elapsed() < PATIENCE, "no `{words}` in\n{}", self.log());
            sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end, and waits until it has.
    pub fn end(&mut self) {
        let family = family(Pid::from_child(&self.process));
        let iked = family.iter().find(|it| it.name == "iked").expect("it is there");
        kill_process(iked.pid, Signal::TERM).expect("it is there");
        self.process.wait().expect("it ends");
    }

    /// The time that all its processes have taken.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        family(Pid::from_child(&self.process)).iter().map(|it| it.cpu).sum()
    }
}

impl Drop for Iked {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            for relative in family(Pid::from_child(&self.process)) {
                // It may have ended.
                let _ = kill_process(relative.pid, Signal::KILL);
            }
            let _ = self.process.wait();
        }
    }
}

/// What Debian makes in `/etc/iked` when iked is installed, though no keys are needed here.
fn keys(directory: &Path) {
    for folder in ["ca", "certs", "crls", "private", "pubkeys"] {
        fs::create_dir_all(directory.join(folder)).expect("a directory");
    }
    let mut openssl = Command::new("openssl");
    openssl.args(["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out"]);
    Outcome::success(openssl.arg(directory.join("private/local.key")));
}
