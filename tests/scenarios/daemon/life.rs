//! How the daemon starts, what signals do, how it ends.

use std::{
    fs::{self, File},
    process::Command,
    thread,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::{Signal, geteuid},
};
use scenarios::{Daemon, Host, Outcome, ipsecd};

use super::{SA, TUNNEL, add_sa, eventually, templates};

#[test]
fn a_namespace_has_one() {
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    let second = Outcome::of(&mut host.command(ipsecd()));
    assert_eq!(second.status, 1);
    let words = "another ipsecd follows this network namespace: it holds /run/xfrm-tools/";
    assert!(second.stderr.contains(words), "{}", second.stderr);

    drop(daemon);
    let _third = Daemon::start(&host);
}

#[test]
fn without_the_capability_it_does_not_start() {
    assert!(geteuid().is_root(), "scenarios are run by root");
    let host = Host::new("host");
    let mut command = host.command("setpriv");
    command.args(["--reuid=65534", "--clear-groups"]).arg(ipsecd());
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("CAP_NET_ADMIN is missing"), "{}", outcome.stderr);
}

#[test]
fn it_keeps_one_capability() {
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    let pid = daemon.pid().as_raw_nonzero();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
    // CAP_NET_ADMIN is number 12 (linux/capability.h).
    for line in ["CapPrm:\t0000000000001000", "CapEff:\t0000000000001000"] {
        assert!(status.contains(line), "{line} in\n{status}");
    }
    for line in ["CapBnd:\t0000000000001000", "CapInh:\t0000000000001000", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{line} in\n{status}");
    }
    // It is enough to write what is kept.
    host.load(&format!("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec {TUNNEL};"));
    host.ip(&add_sa());
    eventually("the policy is whole", || templates(&host) == 1);
    host.ip(&format!("xfrm state delete {SA}"));
    eventually("the policy is a part", || templates(&host) == 0);
}

#[test]
fn signals() {
    let host = Host::new("host");
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = Daemon::start(&host);
        daemon.signal(Signal::HUP);
        daemon.wait_for_news("RELOADING=1");
        daemon.wait_for_news("READY=1");
        daemon.signal(signal);
        daemon.wait_for_news("STOPPING=1");
        assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    }
}

/// A command that was stopped in the midst of a change keeps it waiting, but not for ever.
#[test]
fn a_second_signal_ends_it_at_once() {
    let host = Host::new("host");
    let mut daemon = Daemon::start(&host);
    let lock = File::open(host.kept().join("lock")).expect("the lock");
    flock(&lock, FlockOperation::LockExclusive).expect("no process has the lock");
    daemon.signal(Signal::HUP);
    daemon.wait_for_news("RELOADING=1");
    daemon.signal(Signal::TERM);
    thread::sleep(Duration::from_millis(500));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    assert!(!daemon.log().contains("stopped by a signal"), "{}", daemon.log());
}

/// What changed while no daemon ran is reconciled at the start, or with `--once`.
#[test]
fn it_catches_up() {
    let host = Host::new("host");
    host.load(&format!("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec {TUNNEL};"));
    host.ip(&add_sa());
    assert_eq!(templates(&host), 0, "no daemon reconciles");
    let daemon = Daemon::start(&host);
    assert_eq!(templates(&host), 1);
    drop(daemon);

    host.ip(&format!("xfrm state delete {SA}"));
    let once = Outcome::of(host.command(ipsecd()).arg("--once"));
    assert_eq!((once.status, templates(&host)), (0, 0), "{}", once.stderr);
    assert!(once.stderr.contains("reconciled policies=1 catch_alls=0 "), "{}", once.stderr);
}

/// How much is logged is a variable. Keys are not.
#[test]
fn the_log() {
    let host = Host::new("host");
    // The SA is the reason only if the policy was reconciled before.
    host.load(&format!("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec {TUNNEL};"));
    let daemon = Daemon::start(&host);
    host.ip(&add_sa());
    daemon.wait_for_log(
        "INFO reconciled policies=1 catch_alls=0 df_rule=false \
         reason=esp SA 192.0.2.1-192.0.2.2 spi 0x1001 added",
    );
    assert!(!daemon.log().contains("DEBUG"), "{}", daemon.log());

    host.set("net.inet.ipsec.debug=1");
    daemon.wait_for_log("DEBUG reconcile requested reason=variables were set");
    host.set("net.inet.ipsec.debug=2");
    // Only at this level.
    daemon.wait_for_log("DEBUG get seq=");
    host.ip(&format!("xfrm state delete {SA}"));
    daemon.wait_for_log("DEBUG received event=SaDeleted");
    let log = daemon.log();
    for key in ["5a5a5a5a", "90, 90, 90, 90", "ZZZZ"] {
        assert!(!log.contains(key), "{log}");
    }

    host.set("net.inet.ipsec.debug=0");
    eventually("the log is quiet", || {
        host.ip(&add_sa());
        host.ip(&format!("xfrm state delete {SA}"));
        daemon.log().lines().last().is_some_and(|line| line.contains("INFO reconciled"))
    });
}

#[test]
fn a_log_of_json() {
    let host = Host::new("host");
    let daemon = Daemon::begin(&host, "--log-format json -v");
    daemon.wait_for_news("READY=1");
    daemon.wait_for_log("\n");
    let log = daemon.log();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}

/// Two namespaces: two daemons, each with variables of its own.
#[test]
fn each_namespace_has_its_own() {
    let hosts = [Host::new("one"), Host::new("two")];
    let daemons = hosts.each_ref().map(Daemon::start);
    hosts[0].set("net.inet.ipsec.def_policy=0");
    for host in &hosts {
        host.load("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out none;");
        Outcome::success(Command::new("ip").args(["-n", host.name(), "xfrm", "policy", "flush"]));
    }
    daemons[0].wait_for_log("reconciled policies=0 catch_alls=3 df_rule=false reason=SPD flushed");
    eventually("the first drops again", || hosts[0].show("xfrm policy").contains("action block"));
    assert_eq!(hosts[1].show("xfrm policy"), "");
}
