//! Killed at any moment, whatever has become of its files in /run, a program leaves nothing that the next
//! run does not set right.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use regex::Regex;
use scenarios::{Daemon, Host, Outcome, setkey, times};

use crate::daemon::crash::{records_are_those_of_parts, shown};

/// Policies of each script.
const POLICIES: usize = 40;

/// The longest that a program runs before it is killed.
const LIFE: u64 = 300;

/// What has become of the files.
#[derive(Debug, Clone, Copy)]
enum Condition {
    Usual,
    Full,
    ReadOnly,
    Corrupt,
}

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Setkey,
    Ipsecd,
    Client,
}

#[test]
fn the_next_run_sets_everything_right() {
    let mut random = fastrand::Rng::with_seed(7);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let script = directory.path().join("script");
    fs::write(&script, script_text()).expect("a script");
    let expected = {
        let reference = Host::new("reference");
        let _daemon = Daemon::start(&reference);
        state_after(&reference, &script)
    };
    let run = Run::new();
    for moment in 0..times(200, 16) {
        let conditions =
            [Condition::Usual, Condition::Full, Condition::ReadOnly, Condition::Corrupt];
        let condition = conditions[moment % conditions.len()];
        let victim = random.choice([Victim::Setkey, Victim::Ipsecd, Victim::Client]);
        let victim = victim.expect("there are three");
        let life = Duration::from_millis(random.u64(0..LIFE));
        println!("{moment}: {condition:?}, {victim:?} lives {life:?}");
        run.make(condition, &mut random);
        run.kill(victim, &script, life);
        for words in ["-D", "-DP", "-F", "-FP"] {
            let outcome = run.host.setkey(words);
            assert_eq!(outcome.status, 0, "setkey {words}: {outcome:?}");
        }
        run.heal(condition);
        let _daemon = Daemon::start(&run.host);
        assert_eq!(state_after(&run.host, &script), expected);
        records_are_those_of_parts(&run.host);
    }
}

/// Policies of each kind, and SAs for some of their tunnels.
fn script_text() -> String {
    let policy = |n: usize| {
        let tunnel = format!("esp/tunnel/192.0.2.1-192.0.3.{}", n % 4);
        let action = match n % 5 {
            0 => "discard".to_owned(),
            1 => format!("ipsec {tunnel}/require"),
            2 => format!("ipsec {tunnel}/default"),
            _ => format!("ipsec {tunnel}/use ah/transport//require"),
        };
        format!("spdadd 10.1.0.{n} 10.2.0.0/24 any -P out {action};\n")
    };
    let sa = |n: usize| format!("add 192.0.2.1 192.0.3.{n} esp 0x1000 -m tunnel -E null;\n");
    let begin = ["flush;\nspdflush;\n".to_owned()];
    begin.into_iter().chain((0..POLICIES).map(policy)).chain((0..2).map(sa)).collect()
}

/// What setkey and the kernel have after a script: the policies as requested, and as installed.
fn state_after(host: &Host, script: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let outcome = host.setkey_file("", script);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    let entry = Regex::new(r"(?m)^src .*\n(\s.*\n)*").expect("a pattern");
    let kernel = host.show("xfrm policy");
    (shown(host), entry.find_iter(&kernel).map(|entry| entry.as_str().to_owned()).collect())
}

/// A host whose files are in a file system of their own.
struct Run {
    host: Host,
    directory: PathBuf,
}

impl Run {
    fn new() -> Self {
        let host = Host::new("killed");
        let directory = host.kept();
        fs::create_dir_all(&directory).expect("a directory");
        let mut mount = Command::new("mount");
        Outcome::success(
            mount.args(["-t", "tmpfs", "-o", "size=512k,mode=755", "none"]).arg(&directory),
        );
        Self { host, directory }
    }

    fn make(&self, condition: Condition, random: &mut fastrand::Rng) {
        match condition {
            Condition::Usual => {}
            Condition::Full => {
                let mut file = File::create(self.directory.join("filler")).expect("a file");
                while file.write_all(&[0; 256]).is_ok() {}
            }
            Condition::ReadOnly => self.remount("remount,ro"),
            Condition::Corrupt => {
                let files = fs::read_dir(&self.directory).expect("the directory").flatten();
                let files: Vec<_> = files.filter(|file| file.path().is_file()).collect();
                if let Some(file) = random.choice(&files) {
                    let bytes: Vec<u8> =
                        (0..random.usize(1..9000)).map(|_| random.u8(..)).collect();
                    println!("    {} bytes into {}", bytes.len(), file.path().display());
                    fs::write(file.path(), bytes).expect("there is room");
                }
            }
        }
    }

    fn heal(&self, condition: Condition) {
        match condition {
            Condition::Usual | Condition::Corrupt => {}
            Condition::Full => fs::remove_file(self.directory.join("filler")).expect("it is there"),
            Condition::ReadOnly => self.remount("remount,rw"),
        }
    }

    fn remount(&self, options: &str) {
        Outcome::success(Command::new("mount").args(["-o", options]).arg(&self.directory));
    }

    /// Kills a program some time after its start, while a script is loaded.
    fn kill(&self, victim: Victim, script: &Path, life: Duration) {
        let load = |options: &[&str]| {
            let mut command = self.host.command(setkey());
            command.args(options).arg("-f").arg(script).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("setkey runs")
        };
        let mut loading = match victim {
            Victim::Setkey => load(&[]),
            Victim::Ipsecd => {
                let mut loading = load(&[]);
                let daemon = Daemon::begin(&self.host, "");
                thread::sleep(life);
                drop(daemon);
                loading.wait().expect("it ends");
                return;
            }
            Victim::Client => {
                let _daemon = Daemon::begin(&self.host, "");
                thread::sleep(life);
                let mut client = load(&["--pfkey"]);
                thread::sleep(life);
                client.kill().expect("it is there");
                client.wait().expect("it ends");
                return;
            }
        };
        thread::sleep(life);
        // It may have ended by itself.
        let _ = loading.kill();
        loading.wait().expect("it ends");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.directory).output();
    }
}
