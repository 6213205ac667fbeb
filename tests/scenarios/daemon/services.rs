//! The services that it runs beside its own work.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::Path,
    process::{Child, ChildStdout, Stdio},
};

use rustix::process::Signal;
use scenarios::{Daemon, Host, pfkey::RunningService, preload};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::{SA, TUNNEL, add_sa, eventually, templates};

/// Registers for ESP, and prints the type of each message that it receives until it is killed.
const LISTENER: &str = "import socket, struct, time
s = socket.socket(15, socket.SOCK_RAW, 2)
s.send(struct.pack('=BBBBHHII', 2, 7, 0, 3, 2, 0, 1, 0))
s.recv(1 << 16)
while True:
    message = s.recv(1 << 16)
    print(message[1], flush=True)";

/// A program that has a socket of the service, until it is dropped.
struct Listener {
    process: Child,
    received: Lines<BufReader<ChildStdout>>,
}

impl Listener {
    fn start(host: &Host) -> Self {
        let mut command = host.command("python3");
        command.env("LD_PRELOAD", preload()).env("XFRM_TOOLS_PFKEY", "service");
        let command = command.args(["-u", "-c", LISTENER]).stdout(Stdio::piped());
        let mut process = command.spawn().expect("python3 runs");
        let received = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        Self { process, received }
    }

    fn received(&mut self, count: usize) -> Vec<String> {
        self.received.by_ref().take(count).map(|line| line.expect("a line")).collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn clients(host: &Host) -> Value {
    let shown = host.ipsecctl("show clients --json");
    assert_eq!((shown.status, shown.stderr.as_str()), (0, ""));
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    shown["clients"].clone()
}

fn is_socket(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.file_type().is_socket())
}

#[test]
fn pf_key_and_who_speaks_it() {
    let host = Host::new("host");
    let absent = host.ipsecctl("show clients");
    assert_eq!((absent.status, absent.stdout.as_str()), (1, ""));
    assert!(absent.stderr.contains("no PF_KEY service in this network namespace"), "{absent:?}");

    let mut daemon = Daemon::start(&host);
    assert_eq!(clients(&host), json!([]));
    assert_eq!(host.ipsecctl("show clients").stdout, "No clients.\n");
    let mut listener = Listener::start(&host);
    eventually("it has registered", || clients(&host)[0]["registered"] == json!(["esp"]));
    let pid = listener.process.id();
    assert_eq!(
        clients(&host),
        json!([{
            "pid": pid, "program": "python3", "uid": 0, "registered": ["esp"],
            "promiscuous": false, "queued_bytes": 0, "lost_messages": 0,
        }])
    );
    let table = host.ipsecctl("show clients").stdout;
    assert!(table.contains(&format!("{pid} ")) && table.contains(" python3 "), "{table}");

    // Requests go through it while it follows the SAs of a tunnel.
    let script = NamedTempFile::new().expect("a temporary file");
    let policy = format!("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec {TUNNEL};");
    fs::write(&script, policy).expect("a script");
    let loaded = host.setkey_file("--pfkey", script.path());
    assert_eq!((loaded.status, loaded.stdout.as_str()), (0, ""), "{loaded:?}");
    host.ip(&add_sa());
    eventually("the policy is whole", || templates(&host) == 1);
    host.ip(&format!("xfrm state delete {SA}"));
    eventually("the policy is a part", || templates(&host) == 0);

    host.ip("xfrm policy flush");
    // REGISTER and X_SPDADD of setkey, ADD, DELETE, X_SPDFLUSH: nothing of the policy's rewriting.
    assert_eq!(listener.received(5), ["7", "14", "3", "4", "19"]);

    drop(listener);
    eventually("it has gone", || clients(&host) == json!([]));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    for name in ["pfkey.sock", "clients.sock", "socket.sock"] {
        assert!(!host.kept().join(name).exists(), "{name} is left behind");
    }
}

#[test]
fn only_those_that_are_wanted() {
    let host = Host::new("host");
    let present = || {
        ["pfkey.sock", "clients.sock", "socket.sock"].map(|name| is_socket(&host.kept().join(name)))
    };
    for (words, expected) in [
        ("", [true; 3]),
        ("--no-pfkey", [false, false, true]),
        ("--no-sockets", [true, true, false]),
        ("--no-pfkey --no-sockets", [false; 3]),
    ] {
        let mut daemon = Daemon::begin(&host, words);
        daemon.wait_for_news("READY=1");
        assert_eq!(present(), expected, "ipsecd {words}");
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
        assert_eq!(present(), [false; 3]);
    }
}

/// What is wrong with one is logged, and the rest goes on, but the daemon is not ready.
#[test]
fn one_that_cannot_start() {
    let host = Host::new("host");
    let _other = RunningService::start(&host);
    let file = NamedTempFile::new().expect("a temporary file");
    fs::write(&file, "sockets everybody ipsec\n").expect("a configuration");
    let daemon = Daemon::configured(&host, file.path());
    daemon.wait_for_log("started directory=");
    let log = daemon.log();
    for words in [
        "configuration line not used error=",
        ": line 1: expected `sockets user|group|unit NAME PERMISSION...`",
        "service not started service=\"PF_KEY\" error=",
        "pfkey.sock: another service listens there",
    ] {
        assert!(log.contains(words), "no `{words}` in\n{log}");
    }
    assert!(is_socket(&host.kept().join("socket.sock")));
    daemon.signal(Signal::HUP);
    let news = daemon.news_until("RELOADING=1");
    assert!(!news.iter().any(|news| news.contains("READY=1")), "{news:?}");
    assert!(news.iter().any(|news| news.contains("; not started: PF_KEY")), "{news:?}");
}

/// What PF_KEY cannot say is configured, for SAs to come.
#[test]
fn the_icv_of_a_program_that_cannot_say_it() {
    let host = Host::new("host");
    let file = NamedTempFile::new().expect("a temporary file");
    // For the user that the daemon becomes.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("an own file");
    let daemon = Daemon::configured(&host, file.path());
    daemon.wait_for_news("READY=1");
    let icv_of_new_sa = |spi: &str| {
        let script = NamedTempFile::new().expect("a temporary file");
        let key = "k".repeat(32);
        let add = format!("add 192.0.2.1 192.0.2.2 ah {spi} -A hmac-sha256 \"{key}\";");
        fs::write(&script, add).expect("a script");
        let added = host.setkey_file("--pfkey", script.path());
        assert_eq!((added.status, added.stdout.as_str()), (0, ""), "{added:?}");
        let shown =
            host.show(&format!("xfrm state get src 192.0.2.1 dst 192.0.2.2 proto ah spi {spi}"));
        let line =
            shown.lines().find(|line| line.contains("auth-trunc")).expect("a line").to_owned();
        line.rsplit(' ').next().expect("a word").to_owned()
    };
    assert_eq!(icv_of_new_sa("0x1001"), "96");
    fs::write(&file, "pfkey icv hmac-sha256 128\n").expect("a configuration");
    daemon.signal(Signal::HUP);
    daemon.wait_for_news("READY=1");
    assert_eq!(icv_of_new_sa("0x1002"), "128");
}

/// The daemon may administer the network, and the process that it has may look at others.
#[test]
fn what_each_thread_may_do() {
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    let pid = daemon.pid().as_raw_nonzero();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it is there");
    let mut seen = 0;
    for task in tasks {
        let path = task.expect("a task").path();
        let status = fs::read_to_string(path.join("status")).expect("it is there");
        // CAP_NET_ADMIN is number 12 (linux/capability.h).
        let (permitted, effective) = ("CapPrm:\t0000000000001000", "CapEff:\t0000000000001000");
        for line in [permitted, effective, "NoNewPrivs:\t1", "Seccomp:\t2"] {
            assert!(status.contains(line), "{line} in\n{status}");
        }
        seen += 1;
    }
    assert_eq!(seen, 3);
}
