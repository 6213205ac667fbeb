//! A script that ends early: one line reports which of its statements are in force, and what was flushed.

use std::{
    io::Write,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use scenarios::{Host, Outcome, eventually, setkey};

fn policies(numbers: impl Iterator<Item = usize>) -> String {
    let policy = |number| {
        let (high, low) = (number / 250, number % 250);
        format!("spdadd 10.{high}.{low}.0/24 192.0.2.0/24 any -P out discard;\n")
    };
    numbers.map(policy).collect()
}

/// The last line on standard error.
fn last_line(outcome: &Outcome) -> &str {
    outcome.stderr.lines().last().unwrap_or_default()
}

fn installed(host: &Host) -> usize {
    host.show("xfrm policy").lines().filter(|line| line.starts_with("src 10.")).count()
}

#[test]
fn a_mistake_leaves_what_is_reported() {
    let host = Host::new("typo");
    host.load(&policies(0..3));
    let sa = "add 192.0.2.1 192.0.2.2 esp 0x1001 -E null;\n";
    let script = format!(
        "flush;\nspdflush;\n{sa}{sa}{}spdadd 10.9.9.0/24 192.0.2.0/24 any -P out discrd;\n{sa}",
        policies(5..10)
    );
    let outcome = host.setkey_text(&script);
    assert_eq!(outcome.status, 1);
    let expected = "ended early: 6 statements (lines 3 to 9) are in force, 1 statement (line 4) was refused, \
                    the SAD was flushed (line 1), the SPD was flushed (line 2)";
    assert!(last_line(&outcome).ends_with(expected), "{}", outcome.stderr);
    assert_eq!(installed(&host), 5);

    let outcome = host.setkey_text("nonsense;\nspdflush;\n");
    let nothing = "ended early: no statement is in force, nothing was flushed";
    assert!(last_line(&outcome).ends_with(nothing), "{}", outcome.stderr);
    assert_eq!(installed(&host), 5);
}

#[test]
fn the_mistakes_of_c_end_with_what_is_in_force() {
    let host = Host::new("mistakes");
    let script = format!("{}flush nonsense;\nspdflish;\n{}", policies(0..2), policies(1..4));
    let outcome = host.setkey_input("-c", &script);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let expected = "setkey: <stdin>: 2 statements are wrong: 4 statements (lines 1 to 7) are in force, \
                    1 statement (line 5) was refused, nothing was flushed";
    assert_eq!(last_line(&outcome), expected, "{outcome:?}");
    assert_eq!(installed(&host), 4);
}

/// Starts `setkey -f -`, which has all of its standard streams piped.
fn start(host: &Host) -> Child {
    // Without ip(8) between, which would get the signal.
    host.within(|| {
        let mut setkey = Command::new(setkey());
        setkey.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        setkey.stderr(Stdio::piped()).spawn().expect("it runs")
    })
}

fn signal(child: &Child, signal: Signal) {
    let process = Pid::from_raw(child.id().try_into().expect("a process")).expect("a process");
    kill_process(process, signal).expect("it is there");
}

#[test]
fn a_signal_leaves_what_is_reported() {
    let host = Host::new("signal");
    for (round, ending) in
        [Signal::TERM, Signal::INT, Signal::HUP, Signal::TERM].into_iter().enumerate()
    {
        host.load("spdflush;");
        let mut child = start(&host);
        let mut input = child.stdin.take().expect("it is piped");
        let script = format!("spdflush;\n{}", policies(0..20_000));
        // Round 0: in the midst of the script; the others: while it waits for more.
        let writer = thread::spawn(move || {
            let bytes = script.as_bytes();
            let part = if round == 0 { bytes } else { &bytes[..script.len() / 40] };
            // It ends before it has read all.
            let _ = input.write_all(part);
            input
        });
        eventually("statements are in force", || installed(&host) > 0);
        thread::sleep(Duration::from_millis(if round == 0 { 0 } else { 1500 }));
        signal(&child, ending);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.signal(), Some(ending.as_raw()));
        drop(writer.join());
        let report = String::from_utf8(output.stderr).expect("text");
        let count = installed(&host);
        assert!((1..20_000).contains(&count), "{count}: {report}");
        let (first, last) = (2, count + 1);
        let expected = format!(
            "setkey: <stdin>: ended early: {count} statements (lines {first} to {last}) are in force, \
             the SPD was flushed (line 1)\n"
        );
        assert_eq!(report, expected);
    }
}

#[test]
fn an_ignored_signal_ends_nothing() {
    let host = Host::new("nohup");
    let mut shell = host.command("sh");
    let script =
        "trap '' TERM; \"$SETKEY\" -f - 3>&1 >/dev/null <<. & sleep 0; kill -TERM $!; wait $!";
    let script = format!("{script}\n{}.\n", policies(0..500));
    shell.args(["-c", &script]).env("SETKEY", setkey());
    assert_eq!(Outcome::of(&mut shell).stderr, "");
    assert_eq!(installed(&host), 500);
}
