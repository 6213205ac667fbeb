//! It runs as a user of its own, and a service manager notices when it hangs.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::Path,
    process::Command,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::Signal,
};
use scenarios::{Daemon, Host, Outcome, installed_ipsecd, setkey};
use tempfile::NamedTempFile;

use super::{SA, TUNNEL, add_sa, eventually, templates};

/// The user that the daemons of these tests become.
const OTHER: u32 = 1;

/// The owners of the directory of a host and of the regular files in it.
fn owners(host: &Host) -> Vec<u32> {
    let entries = fs::read_dir(host.kept()).expect("a directory");
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let paths = files.chain([host.kept()]);
    let mut owners: Vec<_> = paths.map(|path| path.metadata().expect("a file").uid()).collect();
    owners.dedup();
    owners
}

fn open_as(user: u32, path: &Path) -> bool {
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).args(["--clear-groups", "--inh-caps=-all", "cat"]);
    Outcome::of(command.arg(path)).status == 0
}

/// The policy becomes whole and partial again: the daemon reads and writes its records.
fn is_reconciled(host: &Host) {
    host.ip(&add_sa());
    eventually("the policy is whole", || templates(host) == 1);
    host.ip(&format!("xfrm state delete {SA}"));
    eventually("the policy is a part", || templates(host) == 0);
}

/// Root's commands and the daemon use the same files, in whichever order they make them.
#[test]
fn files_are_its_own() {
    let host = Host::new("host");
    let policy = format!("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec {TUNNEL};");
    // It warns that there is no daemon.
    assert_eq!(host.setkey_text(&policy).status, 0);
    assert_eq!(owners(&host), [0]);
    let daemon = Daemon::start(&host);
    assert_eq!(owners(&host), [OTHER]);
    is_reconciled(&host);
    let lock = host.kept().join("lock");
    assert!(open_as(OTHER, &lock) && !open_as(1000, &lock), "only its user opens the lock");
    drop(daemon);

    // What root's commands make is the daemon's at once.
    let another = Host::new("another");
    let daemon = Daemon::start(&another);
    another.load(&policy);
    another.set("net.inet.ipsec.debug=1");
    assert_eq!(owners(&another), [OTHER]);
    is_reconciled(&another);
    drop(daemon);
    let daemon = Daemon::begin(&another, "--user root");
    daemon.wait_for_news("READY=1");
    assert_eq!(owners(&another), [0]);
    is_reconciled(&another);
}

#[test]
fn it_stays_confined_when_it_executes_the_installed_program() {
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    let pid = daemon.pid().as_raw_nonzero();
    for round in 0..3 {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
        let user = format!("Uid:\t{OTHER}\t{OTHER}\t{OTHER}\t{OTHER}\n");
        for line in [&user, "CapPrm:\t0000000000001000\n", "CapAmb:\t0000000000001000\n"] {
            assert!(status.contains(line), "{line} in\n{status}");
        }
        assert_eq!(daemon.log().matches("confined user=").count(), round + 1, "{}", daemon.log());
        for thread in fs::read_dir(format!("/proc/{pid}/task")).expect("it is there") {
            let path = thread.expect("an entry").path().join("status");
            let Ok(status) = fs::read_to_string(path) else { continue };
            for line in [&user, "NoNewPrivs:\t1\n", "Seccomp:\t2\n", "CapEff:\t0000000000001000\n"]
            {
                assert!(status.contains(line), "{line} in\n{status}");
            }
        }
        daemon.signal(Signal::USR2);
        daemon.wait_for_news("READY=1");
    }
}

#[test]
fn a_user_that_is_not_there() {
    let host = Host::new("host");
    let mut command = host.command(installed_ipsecd());
    let outcome = Outcome::of(command.args(["--user", "no_such_user_here"]));
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.stderr.contains("user no_such_user_here: there is no such user"),
        "{outcome:?}"
    );
}

/// A service that waits for a lock does not come round, and the watchdog is not notified.
#[test]
fn the_watchdog() {
    let host = Host::new("host");
    let daemon = Daemon::begin_by(&host, "env", "WATCHDOG_USEC=2000000");
    for _ in 0..3 {
        daemon.wait_for_news("WATCHDOG=1");
    }
    // It depends on no SA: the main thread needs no lock, and sees that the service waits.
    host.load("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out none;");
    let lock = File::open(host.kept().join("lock")).expect("the lock");
    flock(&lock, FlockOperation::LockExclusive).expect("it is free");
    let script = NamedTempFile::new().expect("a temporary file");
    fs::write(&script, "spdupdate 10.1.0.0/24 10.2.0.0/24 any -P out discard;").expect("a script");
    let mut command = host.command(setkey());
    let mut waiting = command.args(["--pfkey", "-f"]).arg(script.path()).spawn().expect("it runs");
    daemon.wait_for_log("a service has not come round");
    daemon.forget_news();
    flock(&lock, FlockOperation::Unlock).expect("it is locked");
    daemon.wait_for_news("WATCHDOG=1");
    assert!(waiting.wait().expect("it ends").success());
}
