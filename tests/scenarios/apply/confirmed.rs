//! `--check`, and `--confirm`: changes that no one confirms are undone.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use scenarios::{Host, Outcome, ipsecctl};

use super::tables::{Tables, apply, file};

const BEFORE: &str = "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out discard;\n";
const AFTER: &str = "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out none;\n";

#[test]
fn a_check_changes_nothing() {
    let host = Host::new("checked");
    host.load(BEFORE);
    let before = Tables::of(&host);
    let outcome = apply(&host, "--check", AFTER);
    assert_eq!((outcome.status, &*outcome.stderr), (3, ""));
    assert!(outcome.stdout.contains("action: \"discard\" -> \"none\""), "{outcome:?}");
    Tables::of(&host).assert_untouched(&before, "--check");
    assert_eq!(apply(&host, "--check", BEFORE).status, 0);
}

/// An `apply` that waits.
fn waiting(host: &Host, seconds: &str) -> Child {
    let file = file(AFTER);
    let mut command = Command::new(ipsecctl());
    command.args(["apply", "--confirm", seconds]).arg(file.path()).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = host.within(|| command.spawn().expect("it runs"));
    let mut line = String::new();
    let errors = child.stderr.as_mut().expect("it is piped");
    BufReader::with_capacity(1, errors).read_line(&mut line).expect("text");
    assert!(line.contains("run `ipsecctl confirm` within"), "{line}");
    child
}

#[test]
fn what_is_not_confirmed_is_undone() {
    let host = Host::new("confirmed");
    host.load(BEFORE);
    let before = Tables::of(&host);
    assert_eq!(host.ipsecctl("confirm").status, 1);

    let child = waiting(&host, "1s");
    assert!(Tables::of(&host).difference(&before).is_some());
    let output = child.wait_with_output().expect("it ends");
    let report = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(4), "{report}");
    assert!(report.ends_with(
        "without a confirmation, every change was undone: the SAD and SPD are as before\n"
    ));
    Tables::of(&host).assert_untouched(&before, "not confirmed");

    let child = waiting(&host, "5m");
    let process = Pid::from_raw(child.id().try_into().expect("a process")).expect("a process");
    kill_process(process, Signal::HUP).expect("it is there");
    let report = child.wait_with_output().expect("it ends");
    assert!(!report.status.success());
    Tables::of(&host).assert_untouched(&before, "hung up");

    let child = waiting(&host, "5m");
    let second = apply(
        &host,
        "--confirm 9s",
        AFTER.replace("none", "ipsec esp/transport//require").as_str(),
    );
    assert_eq!(second.status, 1);
    assert!(second.stderr.contains("another `ipsecctl apply --confirm` runs"), "{second:?}");
    another_user_confirms_nothing(&host);
    let outcome = host.ipsecctl("confirm");
    assert_eq!((outcome.status, &*outcome.stderr), (0, ""));
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    assert_eq!(apply(&host, "--check", AFTER).status, 0);
}

fn another_user_confirms_nothing(host: &Host) {
    let mut command = host.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
    let outcome = Outcome::of(command.arg(ipsecctl()).arg("confirm"));
    assert_eq!(outcome.status, 1, "{outcome:?}");
}
