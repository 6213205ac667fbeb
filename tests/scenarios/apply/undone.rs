//! After a refusal or a signal the kernel is as before, counters included.

use std::{
    fmt::Write,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use scenarios::{Host, Outcome, has_ripemd160, interrupt, ipsecctl, random, send, times};
use tempfile::NamedTempFile;

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

/// An `apply` with 1,600 changes.
struct Change {
    before: String,
    file: NamedTempFile,
    /// Lines that it prints before the changes.
    lines: usize,
}

impl Change {
    fn new() -> Self {
        let keys = "-E aes-cbc \"sixteen byte key\" -A hmac-sha1 \"twenty bytes of key!\"";
        let [mut one, mut two] = ["flush; spdflush;\n"; 2].map(str::to_owned);
        for number in 0..600 {
            let (high, low) = (number / 250, number % 250);
            let policy = format!("spdadd 10.{high}.{low}.0/24 192.0.2.0/24 any -P out");
            let sa = |spi: u32, numbers: &str| {
                format!("add 192.0.2.1 192.0.2.2 esp {spi}{numbers} {keys}")
            };
            let own = sa(0x1000 + number, " -oseq 77");
            writeln!(one, "{policy} discard; {own};").expect("a string");
            // A third stays, a third is replaced, a third goes.
            match number % 3 {
                0 => writeln!(two, "{policy} discard; {};", sa(0x1000 + number, "")),
                1 => writeln!(two, "{policy} none; {};", sa(0x9000 + number, "")),
                _ => writeln!(two, "{};", sa(0x5000 + number, "")),
            }
            .expect("a string");
        }
        let mut change = Self { before: one, file: file(&two), lines: 0 };
        let (host, _) = change.prepared();
        change.lines = apply(&host, "--check", &two).stdout.lines().count();
        change
    }

    /// A host, and its tables.
    fn prepared(&self) -> (Host, Tables) {
        let host = Host::new("interrupted");
        host.load(&self.before);
        let before = Tables::of(&host);
        (host, before)
    }

    /// Starts it; it has begun with what comes after its output.
    fn start(&self, host: &Host) -> Child {
        let mut command = Command::new(ipsecctl());
        command.arg("apply").arg(self.file.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = host.within(|| command.spawn().expect("it runs"));
        let output = BufReader::new(child.stdout.as_mut().expect("it is piped"));
        assert_eq!(output.lines().take(self.lines).count(), self.lines);
        child
    }

    /// How long it takes from there to its end.
    fn time(&self) -> Duration {
        let mut child = self.start(&self.prepared().0);
        let begun = Instant::now();
        assert!(child.wait().expect("it ends").success());
        begun.elapsed()
    }

    /// Whether all changes are made.
    fn is_made(&self, host: &Host) -> bool {
        self.again(host, "--check").status == 0
    }

    /// Another `apply` of the same file.
    fn again(&self, host: &Host, options: &str) -> Outcome {
        let mut command = host.command(ipsecctl());
        command.arg("apply").args(options.split_whitespace());
        Outcome::of(command.arg(self.file.path()))
    }
}

/// Whether a first change has been made.
fn has_begun((host, before): &(Host, Tables)) -> bool {
    Tables::of(host).sas.len() != before.sas.len()
}

#[test]
fn a_signal_leaves_everything_as_it_was() {
    let change = Change::new();
    let whole = change.time();
    let interrupted = || {
        let prepared = change.prepared();
        let child = change.start(&prepared.0);
        (prepared, child)
    };
    let signals = [Signal::TERM, Signal::INT];
    let check = |(host, before): &(Host, Tables), report: &str| {
        Tables::of(host).assert_untouched(before, report);
    };
    interrupt(&signals, times(100, 10), Duration::ZERO..whole, interrupted, has_begun, check);
}

/// Another process undoes its changes then, unless all were made. The next `apply` waits for that.
#[test]
fn sigkill_leaves_all_changes_or_none() {
    let change = Change::new();
    let whole = change.time();
    let (mut random, mut in_the_midst) = (random(), 0);
    for _ in 0..times(400, 60) {
        let (host, before) = change.prepared();
        let mut child = change.start(&host);
        // The changes come after their rehearsal.
        thread::sleep(whole.mul_f64(0.4 + 0.6 * random.f64()));
        send(&child, Signal::KILL);
        child.wait().expect("it ends");
        let has_changed = || Tables::of(&host).difference(&before).is_some();
        let is_in_the_midst = has_changed() && !change.is_made(&host);
        in_the_midst += u32::from(is_in_the_midst);
        if is_in_the_midst && random.bool() {
            assert_eq!(change.again(&host, "").status, 0);
            assert!(change.is_made(&host), "the next one has made a part");
        }
        let begun = Instant::now();
        while has_changed() && !change.is_made(&host) {
            assert!(begun.elapsed() < Duration::from_secs(60), "the changes are not undone");
            thread::sleep(Duration::from_millis(100));
        }
        if !has_changed() {
            Tables::of(&host).assert_untouched(&before, "killed");
        }
        if in_the_midst == times(50, 2) {
            break;
        }
    }
    println!("{in_the_midst} were killed in the midst of the changes");
    assert!(in_the_midst > 0);
}

/// One that is killed before its first change leaves what others have done meanwhile.
#[test]
fn before_the_first_change_there_is_nothing_to_undo() {
    let change = Change::new();
    for _ in 0..20 {
        let (host, before) = change.prepared();
        let mut child = change.start(&host);
        send(&child, Signal::STOP);
        let has_begun = Tables::of(&host).difference(&before).is_some();
        // It is one that the file does not have.
        host.load("spddelete 10.0.2.0/24 192.0.2.0/24 any -P out;");
        send(&child, Signal::KILL);
        child.wait().expect("it ends");
        if has_begun {
            continue;
        }
        // This one has nothing to change, and waits for the end of the other process.
        assert_eq!(apply(&host, "", "").status, 0);
        assert_eq!(Tables::of(&host).policies.len() + 1, before.policies.len());
        return;
    }
    panic!("each had begun");
}
