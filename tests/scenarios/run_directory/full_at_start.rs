//! A daemon that is started where nothing can be written.

use std::{env, fs, path::PathBuf};

use scenarios::{Daemon, Host, Outcome, setkey};

/// Starts ipsecd on a /run/xfrm-tools of its own that `prepare` makes; its directory there was made beforehand, as by
/// `RuntimeDirectory=`.
fn start(host: &Host, prepare: &str) -> Daemon {
    let script = env::temp_dir().join(format!("{}.start", host.name()));
    let made = host.kept().display().to_string();
    let text = format!("set -e\n{prepare}\nexec \"$@\"\n");
    fs::write(&script, text.replace("$KEPT", &made)).expect("a file");
    Daemon::begin_by(host, "sh", &script.display().to_string())
}

/// The sockets of a daemon that has a mount namespace of its own.
fn its_directory(daemon: &Daemon, host: &Host) -> PathBuf {
    let kept = host.kept();
    let below = kept.strip_prefix("/").expect("an absolute path");
    PathBuf::from(format!("/proc/{}/root", daemon.pid().as_raw_nonzero())).join(below)
}

#[test]
fn the_services_answer_where_no_file_has_room() {
    let host = Host::new("full");
    let daemon = start(
        &host,
        "mount -t tmpfs -o size=64k none /run/xfrm-tools; mkdir -p $KEPT
         cat /dev/zero >/run/xfrm-tools/filler 2>/dev/null || :",
    );
    daemon.wait_for_news("READY=1");
    let directory = its_directory(&daemon, &host);
    for name in ["pfkey.sock", "clients.sock", "socket.sock"] {
        assert!(directory.join(name).exists(), "{name} is there when it is ready");
    }
    let script = "add 192.0.2.1 192.0.2.2 esp 0x1000 -E null; dump;";
    let mut command = host.command("sh");
    command.args(["-c", &format!("printf '%s' '{script}' | exec \"$0\" --pfkey -c")]);
    command.arg(setkey()).env("XFRM_TOOLS_PFKEY_SOCKET", directory.join("pfkey.sock"));
    let outcome = Outcome::of(&mut command);
    assert!(outcome.stdout.contains("192.0.2.1 192.0.2.2"), "{outcome:?}\n{}", daemon.log());
}

/// A service without a place for its socket is named, and the service manager is not notified.
#[test]
fn it_is_not_ready_without_its_services() {
    let host = Host::new("readonly");
    for prepare in [
        "mount -t tmpfs none /run/xfrm-tools; mkdir -p $KEPT; mount -o remount,ro /run/xfrm-tools",
        "mount -t tmpfs -o nr_inodes=4 none /run/xfrm-tools; mkdir -p $KEPT
         touch /run/xfrm-tools/1 /run/xfrm-tools/2 /run/xfrm-tools/3 || :",
    ] {
        let daemon = start(&host, prepare);
        daemon.wait_for_log("service not started");
        // It starts all the same, and names what does not.
        daemon.wait_for_log("not started: PF_KEY");
        let line = daemon.log();
        let line = line.lines().find(|line| line.contains("service not started"));
        assert!(line.is_some_and(|line| line.contains("pfkey.sock")), "{line:?}");
        assert!(!daemon.has_reported("READY=1"), "it is not ready");
    }
}
