//! AF_KEY does its work inside send(2), and its clients depend on it: racoon and iked read at once, and a client that has
//! sent its requests may end. The service's clients see no difference, by whichever way they have come to it.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use scenarios::{
    Host, Outcome, assert_same, ipsecctl_with_library, pfkey::RunningService, preload, times,
};
use tempfile::TempDir;

/// The ways to a PF_KEY socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Kernel,
    Preloaded,
    Run,
    /// Without the library, as a static program.
    Static,
}

const TO_SERVICE: [Access; 3] = [Access::Preloaded, Access::Run, Access::Static];

fn client(host: &Host, access: Access, words: &str) -> Command {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/prompt_client.py");
    let mut command = match access {
        Access::Kernel | Access::Preloaded => host.command("python3"),
        Access::Run => {
            let mut command = host.command(ipsecctl_with_library());
            command.args(["run", "python3"]);
            command
        }
        Access::Static => {
            let mut command = host.command(ipsecctl_with_library());
            command.args(["run", "--no-preload", "python3"]);
            command
        }
    };
    if access == Access::Kernel {
        command.env("XFRM_TOOLS_PFKEY", "kernel");
    } else {
        command.env("XFRM_TOOLS_PFKEY", "service");
    }
    if access == Access::Preloaded {
        command.env("LD_PRELOAD", preload());
    }
    command.arg(script).args(words.split_whitespace());
    command
}

fn sas(host: &Host) -> usize {
    host.show("-o xfrm state").lines().count()
}

#[test]
fn answers_are_there() {
    // A duplicate of a number that the program chooses cannot be followed without the library.
    for (accesses, words) in [(&TO_SERVICE[..2], "ways"), (&TO_SERVICE[2..], "ways --by-number")] {
        let host = Host::new("host");
        let kernels = Outcome::success(&mut client(&host, Access::Kernel, words));
        assert!(kernels.lines().count() > 90, "{kernels}");
        let _service = RunningService::start(&host);
        for access in accesses {
            let services = Outcome::success(&mut client(&host, *access, words));
            println!("{access:?}");
            assert_same(&kernels, &services);
        }
    }
}

/// A broadcast is no answer.
#[test]
fn answers_are_there_between_broadcasts() {
    let host = Host::new("host");
    let _service = RunningService::start(&host);
    let requests = times(2000, 500);
    for access in TO_SERVICE {
        let mut other =
            client(&host, Access::Preloaded, "count 4096").stdout(Stdio::null()).spawn();
        while sas(&host) == 0 {
            sleep(Duration::from_millis(50));
        }
        let beside = format!("beside {requests}");
        let output = Outcome::success(&mut client(&host, access, &beside));
        assert_eq!(output, "late answers: 0\n", "{access:?}");
        let other = other.as_mut().expect("it runs");
        other.kill().expect("it goes on");
        other.wait().expect("it was killed");
        assert!(sas(&host) > 100, "there were broadcasts");
        host.flush();
    }
}

/// The kernel waits for the module in the caller's own system call; the service waits for its client.
#[test]
fn answers_are_there_though_the_cipher_is_loaded_first() {
    // SADB_X_EALG_CAMELLIACBC
    const CAMELLIA: &str = "cold 22";
    const A_WHILE: Duration = Duration::from_millis(1500);
    let loader = SlowLoader::new(A_WHILE);
    let host = Host::new("host");
    let _service = RunningService::start(&host);
    for access in [Access::Kernel, Access::Preloaded, Access::Run, Access::Static] {
        unload("camellia_generic");
        loader.arm();
        let begun = Instant::now();
        let output = Outcome::success(&mut client(&host, access, CAMELLIA));
        assert_eq!(output, "type 3 errno 0 satype 3 length 34 seq 1\n", "{access:?}");
        println!("{access:?}: {:?}", begun.elapsed());
        assert!(loader.has_paused(), "{access:?}: it was loaded already");
        host.flush();
    }
}

/// While this is there, the next module takes its time each time that it is armed.
struct SlowLoader {
    usual: String,
    directory: TempDir,
}

impl SlowLoader {
    fn new(pause: Duration) -> Self {
        let usual = fs::read_to_string("/proc/sys/kernel/modprobe").expect("a loader");
        let directory = TempDir::new_in("/run").expect("a directory");
        let loader = directory.path().join("loader");
        let script =
            // The kernel looks for one cipher by several names.
            format!(
                "#!/bin/sh\nif mkdir {}/paused 2>/dev/null; then sleep {}; fi\nexec {} \"$@\"\n",
                directory.path().display(),
                pause.as_secs_f32(),
                usual.trim()
            );
        fs::write(&loader, script).expect("a file");
        fs::set_permissions(&loader, Permissions::from_mode(0o755)).expect("it is ours");
        fs::write("/proc/sys/kernel/modprobe", loader.as_os_str().as_encoded_bytes())
            .expect("root's");
        Self { usual, directory }
    }

    fn arm(&self) {
        // It may not have paused yet.
        let _ = fs::remove_dir(self.directory.path().join("paused"));
    }

    fn has_paused(&self) -> bool {
        self.directory.path().join("paused").exists()
    }
}

fn unload(module: &str) {
    // It may not be loaded.
    let _ = Outcome::of(Command::new("rmmod").arg(module));
}

impl Drop for SlowLoader {
    fn drop(&mut self) {
        let _ = fs::write("/proc/sys/kernel/modprobe", self.usual.trim());
    }
}

#[test]
fn no_request_of_a_client_that_ends_is_lost() {
    let requests = times(10_000, 1_000);
    let host = Host::new("host");
    let _service = RunningService::start(&host);
    for access in TO_SERVICE {
        Outcome::success(&mut client(&host, access, &format!("add 4096 {requests}")));
        assert_eq!(sas(&host), requests, "{access:?}");
        host.flush();
    }
}

/// What was accepted is there, wherever the client is killed.
#[test]
fn no_request_of_a_client_that_is_killed_is_lost() {
    let kills = times(200, 20);
    let host = Host::new("host");
    let _service = RunningService::start(&host);
    for access in [Access::Preloaded, Access::Static] {
        let output = Outcome::success(&mut client(&host, access, &format!("kills {kills}")));
        let there = sas_by_kill(&host);
        assert_eq!(output.lines().count(), kills);
        for line in output.lines() {
            let mut numbers = line.split(' ').map(|word| word.parse().expect("a number"));
            let (kill, accepted) = (numbers.next(), numbers.next().expect("two numbers"));
            let there = there.get(&kill.expect("a number")).copied().unwrap_or(0);
            // One more may have been accepted before its line was written.
            assert!(
                (accepted..=accepted + 1).contains(&there),
                "{access:?}: {line}, {there} are there"
            );
        }
        host.flush();
    }
}

/// How many SAs there are of each child: the upper half of an SPI is its number.
fn sas_by_kill(host: &Host) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    for line in host.show("-o xfrm state").lines() {
        let spi = line.split(" spi 0x").nth(1).expect("an SPI");
        let kill = usize::from_str_radix(&spi[..4], 16).expect("a number");
        *counts.entry(kill).or_insert(0) += 1;
    }
    counts
}
