//! After a refusal or a signal the kernel is as before, counters included.

use std::{
    fmt::Write,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use scenarios::{Host, has_ripemd160, interrupt, ipsecctl, times};

use super::{
    databases::pairs,
    tables::{Tables, apply, apply_untried, file},
};

/// Entries that no check of the file refuses: of an algorithm that the kernel lacks, and of a device that is missing.
const REFUSED: [&str; 4] = [
    "add 192.0.2.99 192.0.2.98 ah 0xffff -A hmac-ripemd160 \"twenty byte long key\";",
    "spdadd 10.99.0.0/16 10.98.0.0/16 any -dev nosuch0 -P out prio high + 1000 discard;",
    "spdadd 10.99.0.0/16 10.98.0.0/16 any -dev nosuch0 -P out discard;",
    "spdadd 10.99.0.0/16 10.98.0.0/16 any -dev nosuch0 -P out prio low - 1000000000 discard;",
];

#[test]
fn a_refusal_at_any_place_leaves_everything_as_it_was() {
    if has_ripemd160() {
        return;
    }
    let host = Host::new("refused");
    let mut refusals = 0;
    for (number, [one, two]) in pairs(times(100, 4)).into_iter().enumerate() {
        let script = two.script();
        let lines: Vec<&str> = script.lines().collect();
        host.load(&one.script());
        let before = Tables::of(&host);
        for at in 2..=lines.len() {
            let refused = REFUSED[(number + at) % REFUSED.len()];
            let mut lines = lines.clone();
            lines.insert(at, refused);
            let file = file(&lines.join("\n"));
            let outcome = apply_untried(&host, "", file.path());
            let why = format!("pair {number}, {refused} at {at}: {outcome:?}");
            assert_eq!(outcome.status, 2, "{why}");
            let end = "after the refusal, every change was undone: the SAD and SPD are as before\n";
            assert!(outcome.stderr.ends_with(end), "{why}");
            Tables::of(&host).assert_untouched(&before, &why);
            refusals += 1;
        }
        let outcome = apply(&host, "", &format!("{script}{}", REFUSED[number % 4]));
        assert_eq!(outcome.status, 2, "{outcome:?}");
        let end = "the kernel would refuse it: nothing was changed\n";
        assert!(outcome.stderr.ends_with(end), "{outcome:?}");
        Tables::of(&host).assert_untouched(&before, "a rehearsal");
        host.flush();
    }
    println!("{refusals} refusals");
}

#[test]
fn a_signal_leaves_everything_as_it_was() {
    let keys = "-E aes-cbc \"sixteen byte key\" -A hmac-sha1 \"twenty bytes of key!\"";
    let (mut one, mut two) = ("flush; spdflush;\n".to_owned(), "flush; spdflush;\n".to_owned());
    for number in 0..600 {
        let (high, low) = (number / 250, number % 250);
        let policy = format!("spdadd 10.{high}.{low}.0/24 192.0.2.0/24 any -P out");
        let sa =
            |spi: u32, numbers: &str| format!("add 192.0.2.1 192.0.2.2 esp {spi}{numbers} {keys}");
        writeln!(one, "{policy} discard; {};", sa(0x1000 + number, " -oseq 77")).expect("a string");
        // A third stays, a third is replaced, a third goes.
        match number % 3 {
            0 => writeln!(two, "{policy} discard; {};", sa(0x1000 + number, "")),
            1 => writeln!(two, "{policy} none; {};", sa(0x9000 + number, "")),
            _ => writeln!(two, "{};", sa(0x5000 + number, "")),
        }
        .expect("a string");
    }
    let file = file(&two);
    let prepared = || {
        let host = Host::new("signalled");
        host.load(&one);
        host
    };
    let lines = apply(&prepared(), "--check", &two).stdout.lines().count();
    // What it prints comes before the changes.
    let start = |host: &Host| {
        let mut command = Command::new(ipsecctl());
        command.arg("apply").arg(file.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = host.within(|| command.spawn().expect("it runs"));
        let output = BufReader::new(child.stdout.as_mut().expect("it is piped"));
        assert_eq!(output.lines().take(lines).count(), lines);
        child
    };
    let mut child = start(&prepared());
    let begun = Instant::now();
    assert!(child.wait().expect("it ends").success());
    let whole = begun.elapsed();
    let interrupted = || {
        let host = prepared();
        let before = Tables::of(&host);
        let child = start(&host);
        ((host, before), child)
    };
    let signals = [Signal::TERM, Signal::INT];
    let check = |(host, before): &(Host, Tables), report: &str| {
        Tables::of(host).assert_untouched(before, report);
    };
    let has_begun =
        |(host, before): &(Host, Tables)| Tables::of(host).sas.len() != before.sas.len();
    interrupt(&signals, times(100, 10), Duration::ZERO..whole, interrupted, has_begun, check);
}
