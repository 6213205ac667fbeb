//! Another user beside root's programs.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use scenarios::{Background, Host, Outcome, sysctl_shim};

use super::{keep_something, mode};

/// The longest that a command may take; SQLite's and the lock's limits are 10 s.
const LIMIT: Duration = Duration::from_secs(3);

/// Locks every file that it can open, by fcntl(2) and flock(2), prints their names, and waits.
const LOCKER: &str = r#"
import fcntl, glob, sys, time
files = []
for path in glob.glob(sys.argv[1] + "/*"):
    try:
        file = open(path, "rb")
    except OSError:
        continue
    fcntl.flock(file, fcntl.LOCK_SH)
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, __import__("struct").pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
    files.append(file)
    print(path.rsplit("/")[-1])
print("locked", flush=True)
time.sleep(600)
"#;

/// Tries to open a file until a file is there; prints how often it could.
const OPENER: &str = r#"
import os, sys
won = 0
print("ready", flush=True)
while not os.path.exists(sys.argv[2]):
    for name in ("store.sqlite", "store.sqlite-journal", "lock", "variables.conf.new"):
        try:
            os.close(os.open(sys.argv[1] + "/" + name, os.O_RDONLY))
            won += 1
        except OSError:
            pass
print(won, flush=True)
"#;

fn as_other_user(host: &Host, program: &str) -> Command {
    let mut command = host.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command
}

#[test]
fn no_reader_delays_a_writer() {
    let host = Host::new("reader");
    keep_something(&host);
    let mut python = as_other_user(&host, "/usr/bin/python3");
    let locker = Background::start(python.args(["-c", LOCKER]).arg(host.kept()));
    let opened: Vec<String> = locker.lines.iter().take_while(|line| line != "locked").collect();
    let roots = |name: &String| name.starts_with("lock") || name.starts_with("store");
    assert!(
        opened.contains(&"variables.conf".to_owned()) && !opened.iter().any(roots),
        "{opened:?}"
    );
    for value in [2, 1, 2] {
        let begun = Instant::now();
        host.set(&format!("net.inet.ipsec.esp_net_deflev={value}"));
        keep_something(&host);
        host.load("spdflush; spdadd 10.0.0.1 10.0.0.2 any -P out ipsec esp/transport//default;");
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    }
    drop(locker);
}

#[test]
fn no_other_user_opens_a_record_at_any_time() {
    let flag = std::env::temp_dir().join("over");
    let mut won = 0;
    for _ in 0..10 {
        let host = Host::new("race");
        host.set("net.inet.ipsec.esp_trans_deflev=1");
        let mut python = as_other_user(&host, "/usr/bin/python3");
        let opener = Background::start(python.args(["-c", OPENER]).arg(host.kept()).arg(&flag));
        assert_eq!(opener.lines.recv().expect("it begins"), "ready");
        let script =
            "spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/10.0.0.1-10.0.0.2/use;";
        // No umask makes the files readable.
        let load = format!("umask 0; exec '{}' -c", scenarios::setkey().display());
        let outcome = Outcome::with_input(host.command("sh").arg("-c").arg(load), script);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
        std::fs::write(&flag, "").expect("a file");
        won += opener.lines.recv().expect("it ends").parse::<u32>().expect("a number");
        std::fs::remove_file(&flag).expect("it is there");
        assert_eq!(mode(&host.kept().join("store.sqlite")), 0o600);
    }
    assert_eq!(won, 0);
}

#[test]
fn the_umask_of_root_does_not_matter() {
    let host = Host::new("umask");
    let shim = sysctl_shim().display().to_string();
    let set = format!("umask 077; exec '{shim}' -q -w net.inet.ipsec.esp_net_deflev=1");
    Outcome::success(host.command("sh").arg("-c").arg(set));
    let kept = host.kept();
    assert_eq!((mode(&kept), mode(&kept.join("variables.conf"))), (0o755, 0o644));
    let read = || {
        let mut read = as_other_user(&host, &shim);
        Outcome::of(read.args(["-n", "net.inet.ipsec.esp_net_deflev"]))
    };
    let outcome = read();
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "1\n"), "{outcome:?}");
    // A reader that may not look does not get the initial value.
    Outcome::success(Command::new("chmod").arg("700").arg(&kept));
    let outcome = read();
    assert!(outcome.status != 0 && outcome.stdout.is_empty(), "{outcome:?}");
    assert!(outcome.stderr.contains("permission denied on key"), "{outcome:?}");
    assert!(outcome.stderr.contains("variables.conf: Permission denied"), "{outcome:?}");
    // The next network namespace may have the number of this one.
    Outcome::success(Command::new("chmod").arg("755").arg(&kept));
}
