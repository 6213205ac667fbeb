//! setkey does what the original did: each script in `oracle/`, and what setkey 0.8.2 on AF_KEY made of it
//! (`oracle/README.md`).

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;
use scenarios::{Host, Outcome, assert_same, scripts};

#[test]
fn as_the_original() {
    let (mut expected, mut actual) = (String::new(), String::new());
    for script in cases() {
        let host = Host::new("oracle");
        let read = host.setkey_file(&script);
        let observed = [
            ("out", read.stdout),
            ("rc", format!("{}\n", read.status)),
            ("D", host.setkey("-D").stdout),
            ("DP", host.setkey("-DP").stdout),
            ("DPp", host.setkey("-DPp").stdout),
            ("state", ip(&host, &["-s", "xfrm", "state"])),
            ("policy", ip(&host, &["-s", "xfrm", "policy"])),
        ];
        for (what, text) in observed {
            let recording = script.with_extension(what);
            let recorded = fs::read_to_string(&recording).expect("a recording");
            let title = format!("== {}", recording.display());
            writeln!(expected, "{title}\n{}", masked(&recorded)).expect("a string");
            writeln!(actual, "{title}\n{}", masked(&text)).expect("a string");
        }
    }
    assert_same(&expected, &actual);
}

/// Every recorded script: those of this repository, and those kept beside this working copy.
fn cases() -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = tests.join("oracle");
    let mut cases = scripts(&own);
    assert!(!cases.is_empty(), "{}: no scripts", own.display());
    let mut more = scripts(&tests.join("../../shared/oracle"));
    more.retain(|script| !own.join(script.file_name().unwrap_or_default()).exists());
    cases.append(&mut more);
    cases
}

fn ip(host: &Host, words: &[&str]) -> String {
    Outcome::success(host.command("ip").args(words))
}

/// A text without what differs from run to run.
fn masked(text: &str) -> String {
    static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}", "TIME"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
            (r"\bdiff: \d+", "diff: N"),
            (r"\b(pid|refcnt)=\d+", "$1=N"),
            // Not the same, because it cannot be: which algorithms a template allows. AF_KEY sets a flag of the kernel
            // that means all of them and leaves the masks empty; netlink has no such flag, only full masks.
            (r"-mask 00000000", "-mask ffffffff"),
        ]
        .map(|(pattern, mask)| (Regex::new(pattern).expect("a pattern"), mask))
        .into()
    });
    MASKS.iter().fold(text.to_owned(), |text, (pattern, mask)| {
        pattern.replace_all(&text, *mask).into_owned()
    })
}
