//! A key that is loaded appears where it is meant to, and nowhere else. What scripts with mistakes print is
//! in `setkey/tests/keys.rs`.

use std::{
    fs::{self, File},
    path::Path,
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

/// What prints tables, events and differences has fingerprints or nothing instead of keys; so have the errors about a file
/// with keys that is damaged.
#[test]
fn no_command_of_ipsecctl_prints_a_key_unless_it_is_to() {
    let (host, directory) = (Host::new("host"), TempDir::new().expect("a directory"));
    let name = |file: &str| directory.path().join(file).to_str().expect("text").to_owned();
    let sa = SCRIPT.lines().next().expect("a statement");
    let policy = "spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;";
    // The files have the keys of two SAs, one of which the kernel does not have: it is changed, added, and removed.
    let other = sa.replace("0x1000", "0x1001");
    let [same, more, wrong] = ["same", "more", "wrong"].map(name);
    fs::write(&same, format!("{sa}\n{policy}\n")).expect("a script");
    fs::write(&more, format!("{}\n{other}\n{policy}\n", sa.replace("-E", "-u 7 -E")))
        .expect("a script");
    fs::write(&wrong, sa.replace("key\" -A", "key\"x -A")).expect("a script");
    host.load(&format!("{sa} {policy}"));
    let monitor = |words: &str| {
        let file = File::create(name(&words.replace(' ', "_"))).expect("a file");
        let mut command = host.command(scenarios::ipsecctl());
        command.args(words.split(' ')).stderr(file.try_clone().expect("a file")).stdout(file);
        command.spawn().expect("it runs")
    };
    let monitors = ["monitor", "monitor --json", "trace --all"];
    let mut running = monitors.map(monitor);
    thread::sleep(Duration::from_secs(1));
    let saved = name("saved");
    for words in [
        "",
        "--json",
        "show",
        "counters --json",
        "metrics --by sa",
        "top --once --interval 0.2",
        "top --once --interval 0.2 --json",
        "explain out 192.0.2.1 192.0.2.2",
        "explain out 192.0.2.1 192.0.2.2 --json",
        "explain in 192.0.2.1 192.0.2.2 --json",
        "diagnose --seconds 1",
        "diagnose --seconds 1 --json",
        "doctor",
        &format!("doctor {same} --json"),
        "check --live --json",
        &format!("check {more} --json"),
        &format!("check {more} --format sarif"),
        &format!("check {wrong}"),
        &format!("diff {more}"),
        &format!("diff {more} --json"),
        &format!("diff {wrong}"),
        &format!("apply --check {more}"),
        &format!("apply {more}"),
        &format!("apply {wrong}"),
        &format!("apply --prune {same} --json"),
        "move 0x1000 --src 192.0.2.3",
        "export --to nft-bypass",
        &format!("export --to tcpdump --json -o {}", name("exported")),
        &format!("save {saved}"),
        &format!("restore {saved}"),
        &format!("restore {saved} --json"),
    ] {
        let outcome = host.ipsecctl(words);
        assert_absent(words, &(outcome.stdout + &outcome.stderr));
    }
    damaged_files_show_no_key(&host, directory.path(), &saved);
    for (words, running) in monitors.iter().zip(&mut running) {
        running.kill().expect("it is there");
        running.wait().expect("it ends");
        let printed = fs::read_to_string(name(&words.replace(' ', "_"))).expect("its output");
        assert!(!printed.is_empty(), "{words}");
        assert_absent(words, &printed);
    }
}

/// The errors about damaged files, of each command that reads one.
fn damaged_files_show_no_key(host: &Host, directory: &Path, saved: &str) {
    // Each command has a file that it reads, and others.
    let images = fs::read(saved).expect("what was saved");
    let printed = [
        host.setkey("-D --script").stdout,
        host.show("xfrm state"),
        host.ipsecctl("show sas --json --keys").stdout,
    ];
    let file = directory.join("damaged");
    for (how, text) in
        printed.iter().flat_map(|text| damaged(text.as_bytes())).chain(damaged(&images))
    {
        fs::write(&file, text).expect("a file");
        for words in [
            "restore",
            "import",
            "diff",
            "apply --check",
            "check",
            "doctor",
            "diagnose --seconds 1 --peer",
        ] {
            let outcome = host.ipsecctl(&format!("{words} {}", file.display()));
            assert_absent(&format!("{words} of {how}"), &outcome.stderr);
        }
    }
}

/// A file with changes in the midst of its first key, which is in hexadecimal digits or in bytes.
fn damaged(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let key = [&b"73697874"[..], b"sixteen"];
    let at = key.iter().find_map(|key| text.windows(key.len()).position(|it| it == *key));
    let (before, after) = text.split_at(at.expect("a key") + 5);
    let inserted = ["z", "\"", "\\", "\u{1}", "0", ",", "[", "é"];
    let inserted = inserted
        .into_iter()
        .map(|it| (format!("a key with {it:?}"), [before, it.as_bytes(), after].concat()));
    inserted.chain([("a file that is cut".to_owned(), before.to_vec())]).collect()
}
