//! `--check`, and `--confirm`: changes that no one confirms are undone.

use std::{
    fmt::Write,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use scenarios::{Background, Host, Outcome, ipsecctl, send, times};

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
    send(&child, Signal::HUP);
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
    assert!(second.stderr.contains("apply.lock"), "{second:?}");
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

/// The directory is the daemon's user's: what answers there may be anything.
#[test]
fn an_answer_without_an_end_is_no_confirmation() {
    const ENDLESS: &str = "import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print(flush=True)
connection = server.accept()[0]
while True:
    connection.send(b'x' * 65536)";
    let host = Host::new("confirmed");
    // The directory is made.
    host.load(BEFORE);
    host.set("net.inet.ipsec.debug=0");
    let socket = host.kept().join("confirm.sock");
    // That of a namespace that had the same number, whose `apply` was killed.
    let _ = std::fs::remove_file(&socket);
    let mut command = host.command("python3");
    let server = command.args(["-c", ENDLESS]).arg(&socket);
    let server = Background::start(server);
    server.lines.recv_timeout(Duration::from_secs(30)).expect("it listens");
    let begun = Instant::now();
    let outcome = host.ipsecctl("confirm");
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// Waits until the tables are as before, or no longer.
fn await_change(host: &Host, before: &Tables, is_same: bool) -> Duration {
    let begun = Instant::now();
    while Tables::of(host).difference(before).is_none() != is_same {
        assert!(begun.elapsed() < Duration::from_secs(20), "restored: {is_same}");
        thread::sleep(Duration::from_millis(20));
    }
    begun.elapsed()
}

#[test]
fn another_process_undoes_what_a_killed_one_leaves() {
    let host = Host::new("killed");
    host.load(BEFORE);
    let before = Tables::of(&host);
    let mut child = waiting(&host, "5m");
    assert!(Tables::of(&host).difference(&before).is_some());
    send(&child, Signal::KILL);
    child.wait().expect("it ends");
    await_change(&host, &before, true);
    Tables::of(&host).assert_untouched(&before, "killed");
    // One that does nothing more is killed 5 seconds after its time.
    let mut child = waiting(&host, "1s");
    send(&child, Signal::STOP);
    child.wait().expect("it ends");
    await_change(&host, &before, true);
    Tables::of(&host).assert_untouched(&before, "stopped");
    // The other process has ended with it: the changes can be made and confirmed.
    let child = waiting(&host, "5m");
    assert_eq!(host.ipsecctl("confirm").status, 0);
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    thread::sleep(Duration::from_millis(500));
    assert!(Tables::of(&host).difference(&before).is_some());
}

#[test]
fn the_end_of_the_terminal_undoes_the_changes() {
    let host = Host::new("hung");
    host.load(BEFORE);
    let before = Tables::of(&host);
    let file = file(AFTER);
    let apply = format!("{:?} apply --confirm 5m {:?}", ipsecctl(), file.path());
    let mut script = Command::new("script");
    script.args(["--quiet", "--command", &apply, "/dev/null"]);
    script.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut terminal = host.within(|| script.spawn().expect("it runs"));
    await_change(&host, &before, false);
    terminal.kill().expect("it runs");
    terminal.wait().expect("it ends");
    await_change(&host, &before, true);
    Tables::of(&host).assert_untouched(&before, "the terminal has gone");
}

/// At moments of the run, which ends by SIGKILL, also before all changes are made.
#[test]
fn a_process_that_is_killed_in_the_midst_leaves_nothing() {
    let (mut one, mut two) = ("flush; spdflush;\n".to_owned(), "flush; spdflush;\n".to_owned());
    for number in 0..600 {
        let (high, low) = (number / 250, number % 250);
        let policy = format!("spdadd 10.{high}.{low}.0/24 192.0.2.0/24 any -P out");
        writeln!(one, "{policy} discard;").expect("a string");
        writeln!(two, "{policy} none;").expect("a string");
    }
    let file = file(&two);
    let host = Host::new("midst");
    host.load(&one);
    let before = Tables::of(&host);
    let rounds = times(50, 6);
    let mut changed = 0;
    for round in 0..rounds {
        let mut command = Command::new(ipsecctl());
        command.args(["apply", "--confirm", "5m"]).arg(file.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = host.within(|| command.spawn().expect("it runs"));
        await_change(&host, &before, false);
        thread::sleep(Duration::from_millis(20) * round / rounds);
        send(&child, Signal::KILL);
        child.wait().expect("it ends");
        let now = Tables::of(&host);
        let is_new = |(old, new): (&xfrm::PolicyImage, &xfrm::PolicyImage)| !old.is_same(new);
        let count = before.policies.iter().zip(&now.policies).filter(|pair| is_new(*pair)).count();
        changed += u32::from(count > 0 && count < before.policies.len());
        await_change(&host, &before, true);
        Tables::of(&host).assert_untouched(&before, "killed");
    }
    println!("{changed} of {rounds} runs were seen in the midst of the changes");
}
