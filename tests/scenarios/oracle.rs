//! setkey does what the original did: each script in `oracle/`, and what setkey 0.8.2 on AF_KEY made of it
//! (`oracle/README.md`).

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use scenarios::{Host, Outcome, assert_same, masked, scripts, with_plain_templates};

#[test]
fn as_the_original() {
    let (mut expected, mut actual) = (String::new(), String::new());
    for script in cases() {
        let host = Host::new("oracle");
        let read = host.setkey_file("", &script);
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
            writeln!(expected, "{title}\n{}", comparable(&recorded)).expect("a string");
            writeln!(actual, "{title}\n{}", comparable(&text)).expect("a string");
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

/// A recording and what it is compared with, without what cannot be the same.
fn comparable(text: &str) -> String {
    with_plain_templates(&masked(text))
}
