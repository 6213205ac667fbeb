//! A key that is loaded appears where it is meant to, and nowhere else. What scripts with mistakes print is
//! in `setkey/tests/keys.rs`.

use std::{
    fs::{self, File},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use scenarios::{Daemon, Host, Outcome, setkey};
use tempfile::{NamedTempFile, TempDir};

const SCRIPT: &str = "add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc \"sixteen byte key\" \
    -A hmac-sha1 \"twenty byte long key\";\nget 192.0.2.1 192.0.2.2 esp 0x1000;\ndump;\n";

/// Pieces of both keys in each form that an output may have.
const PIECES: [&str; 9] = [
    "sixteen",
    "twenty",
    "73697874",
    "65656e20",
    "73 69 78 74",
    "7477656e",
    "74 77 65 6e",
    "115, 105, 120",
    "c2l4dGVlbi",
];

#[track_caller]
fn assert_absent(what: &str, output: &str) {
    let lower = output.to_lowercase();
    for piece in PIECES {
        assert!(!lower.contains(&piece.to_lowercase()), "{piece} in {what}:\n{output}");
    }
}

/// A setkey that monitors.
struct Monitor {
    process: Child,
    words: &'static str,
    printed: std::path::PathBuf,
}

impl Monitor {
    fn start(host: &Host, words: &'static str, directory: &TempDir) -> Self {
        let printed = directory.path().join(words.replace(' ', "_"));
        let file = File::create(&printed).expect("a file");
        let mut command = host.command(setkey());
        command.args(words.split_whitespace()).stdout(file).stderr(Stdio::null());
        Self { process: command.spawn().expect("it runs"), words, printed }
    }

    fn printed(&self) -> String {
        fs::read_to_string(&self.printed).expect("its output")
    }

    /// What it has printed when an SA was added.
    fn end(mut self) -> String {
        let begun = Instant::now();
        while !self.printed().contains("sadb_key") {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{}: {}",
                self.words,
                self.printed()
            );
            thread::sleep(Duration::from_millis(10));
        }
        self.process.kill().expect("it is there");
        self.process.wait().expect("it ends");
        self.printed()
    }
}

#[test]
fn a_key_is_printed_only_where_it_is_meant_to_be() {
    let host = Host::new("host");
    let daemon = Daemon::begin(&host, "-vv");
    daemon.wait_for_news("READY=1");
    let (script, directory) = (NamedTempFile::new().expect("a file"), TempDir::new_in("/run"));
    let directory = directory.expect("a directory");
    fs::write(&script, SCRIPT).expect("a script");
    let monitors = ["-x --redact", "-x -H --redact", "--pfkey -x -H --redact"];
    let monitors = monitors.map(|words| Monitor::start(&host, words, &directory));
    thread::sleep(Duration::from_secs(1));
    for words in ["-v", "-v -H", "-v --pfkey", "-v -H --pfkey"] {
        let outcome = host.setkey_file(&format!("--redact {words}"), script.path());
        assert_eq!(outcome.status, 0, "{outcome:?}");
        assert!(outcome.stdout.contains("xxxxxxxx"), "{outcome:?}");
        assert_absent(words, &outcome.stdout);
        assert_absent(words, &outcome.stderr);
        assert_eq!(host.setkey("-F").status, 0);
    }
    host.load(SCRIPT.lines().next().expect("a statement"));
    for words in [
        "-D --redact",
        "-D -v --redact",
        "-D --redact --pfkey -v",
        "-D --json",
        "-D -p -a --redact",
    ] {
        let outcome = host.setkey(words);
        assert!(outcome.stdout.contains("192.0.2.2"), "{outcome:?}");
        assert_absent(words, &(outcome.stdout + &outcome.stderr));
    }
    assert_eq!(host.setkey("-D --script --redact").status, 1, "one excludes the other");
    for words in ["show", "show sas", "show sas --json", "show --json", "show clients"] {
        assert_absent(
            words,
            &Outcome::success(host.command(scenarios::ipsecctl()).args(words.split(' '))),
        );
    }
    // Where it is meant to be.
    for words in ["-D", "-D --script", "-D -v"] {
        let printed = host.setkey(words).stdout;
        assert!(printed.contains("73697874"), "{words}: {printed}");
    }
    let shown = host.ipsecctl("show sas --keys").stdout;
    assert!(shown.contains("73697874"), "{shown}");
    for monitor in monitors {
        let words = monitor.words;
        assert_absent(words, &monitor.end());
    }
    assert_absent("the log", &daemon.log());
}
