//! Signals that come while a program works.

use std::{ops::Range, os::unix::process::ExitStatusExt, process::Child, thread, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

use crate::random;

/// Starts a program so many times, and sends it one of these signals: at a random moment within a span after its start, and
/// every other time within an eighth of the span after `has_begun` has seen its first change. It has to end by the signal,
/// unless it has ended. Then what `start` has prepared is checked, with the program's report. One signal at least has to come
/// in the midst of changes that are undone.
pub fn interrupt<S>(
    signals: &[Signal],
    rounds: usize,
    Range { start: first, end: last }: Range<Duration>,
    start: impl Fn() -> (S, Child),
    has_begun: impl Fn(&S) -> bool,
    check: impl Fn(&S, &str),
) {
    let mut random = random();
    let span = last.saturating_sub(first);
    let (mut undone, mut ends) = (0, Vec::new());
    for (round, signal) in signals.iter().cycle().take(rounds).enumerate() {
        let moment = random.f64();
        let (prepared, mut child) = start();
        if round % 2 == 0 {
            thread::sleep(first + span.mul_f64(moment));
        } else {
            while child.try_wait().expect("a child").is_none() && !has_begun(&prepared) {}
            thread::sleep(span.mul_f64(moment / 8.0));
        }
        send(&child, *signal);
        let output = child.wait_with_output().expect("it ends");
        let report = String::from_utf8(output.stderr).expect("text");
        if !output.status.success() {
            assert_eq!(output.status.signal(), Some(signal.as_raw()), "{report}");
            undone += u32::from(report.contains("after the signal, every change was undone"));
            check(&prepared, &report);
        }
        ends.push((output.status, report));
    }
    println!("{undone} of {} signals came in the midst of the changes", ends.len());
    assert!(undone > 0, "no signal came in the midst of the changes: {ends:#?}");
}

/// Sends a signal to a program, which may have ended.
pub fn send(child: &Child, signal: Signal) {
    let process = Pid::from_raw(child.id().try_into().expect("a process")).expect("a process");
    let _ = kill_process(process, signal);
}
