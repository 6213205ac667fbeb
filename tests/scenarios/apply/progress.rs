//! Changes that take longer than a second have a bar on a terminal.

use std::{
    fmt::Write,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use scenarios::{Host, Terminal, ipsecctl, send};
use tempfile::NamedTempFile;

use super::tables::{Tables, file};

const POLICIES: usize = 8_000;

/// What `apply` writes to a terminal if it is stopped for longer than a second when its changes have begun.
fn stopped(host: &Host, file: &NamedTempFile) -> String {
    let terminal = Terminal::open();
    let mut command = Command::new(ipsecctl());
    command.arg("apply").arg(file.path()).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(terminal.stdio());
    let mut child = host.within(|| command.spawn().expect("it runs"));
    while Tables::of(host).policies.is_empty() {}
    send(&child, Signal::STOP);
    thread::sleep(Duration::from_millis(1_100));
    send(&child, Signal::CONT);
    assert!(child.wait().expect("it ends").success());
    drop(command);
    terminal.rest()
}

#[test]
fn long_changes_have_a_bar_on_a_terminal() {
    let mut text = String::new();
    for number in 0..POLICIES {
        let (high, low) = (number / 200, number % 200);
        let priority = number + 1;
        writeln!(text, "spdadd 10.1.{high}.{low}/32 192.0.2.0/24 any -P out prio {priority} none;")
            .expect("a string");
    }
    let file = file(&text);
    // It may be at the end when it is stopped.
    let shown = (0..5).find_map(|_| {
        let host = Host::new("bar");
        Some(stopped(&host, &file)).filter(|shown| !shown.is_empty())
    });
    let shown = shown.expect("a bar");
    let (bar, rest) = shown.split_once("] ").expect("a bar");
    let bar = bar.strip_prefix("\r[").expect("a bar");
    let (done, rest) = rest.split_once(" of 8000 changes, ").expect("how much is done");
    let done: usize = done.parse().expect("a number");
    assert!(0 < done && done < POLICIES, "{shown}");
    let filled = 40 * done / POLICIES;
    assert_eq!(bar, "#".repeat(filled) + &".".repeat(40 - filled), "{shown}");
    assert!(rest.starts_with("1 s") && rest.ends_with("\r\u{1b}[K"), "{shown}");
}
