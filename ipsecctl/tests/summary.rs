//! `ipsecctl` without a subcommand, `completions` and `schema`, on this host's kernel.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use std::{path::Path, process::Command};

use namespace::{as_nobody, run, stdout};
use serde_json::Value;

/// The words that bash completes.
fn completed(script: &str, line: &str) -> Vec<String> {
    let program = line.split(' ').next().unwrap();
    let words = format!(
        "source /dev/stdin; function=$(complete -p {program} | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        COMP_WORDS=({line} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        $function {program} '' \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("script");
    std::fs::write(&file, script).unwrap();
    let script = std::fs::File::open(&file).unwrap();
    let output = Command::new("bash").args(["-c", &words]).stdin(script).output().unwrap();
    stdout(&output).lines().map(str::to_owned).collect()
}

#[test]
fn a_summary_fits_a_screen() {
    let text = stdout(&run("COLUMNS=80 ipsecctl"));
    let [sas, policies, default, dropped, ipsecd] = text.lines().take(5).collect::<Vec<_>>()[..]
    else {
        panic!("{text}")
    };
    assert_eq!((sas, policies), ("SAs       0", "policies  0"));
    assert_eq!((default, dropped), ("default   IPv4 none, IPv6 none", "dropped   0 packets"));
    assert_eq!(ipsecd, "ipsecd    not running");
    assert!(text.ends_with("\n`ipsecctl help` lists the subcommands.\n"), "{text}");
    assert!(text.lines().count() <= 24 && text.lines().all(|line| line.len() <= 80), "{text}");
}

#[test]
fn the_examples_of_the_manual() {
    for line in ["ipsecctl", "ipsecctl --json"] {
        assert!(manual::examples(line).iter().any(|it| it.starts_with(line)), "{line}");
        stdout(&run(line));
    }
    let document: Value = serde_json::from_str(&stdout(&run("ipsecctl --json"))).unwrap();
    assert_eq!(document["summary"]["sas"]["mature"], 0);
    assert_eq!(document["summary"]["attention"], Value::Array(Vec::new()));
}

#[test]
fn any_user_reads_the_rest() {
    let Some(output) = as_nobody(&[]) else { return };
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("SAs       -\npolicies  -\n"), "{text}");
    assert!(text.contains("dropped   ") && text.contains("`sudo ipsecctl`"), "{text}");
}

#[test]
fn bash_completes_every_command() {
    let script = stdout(&run("ipsecctl completions bash"));
    let words = completed(&script, "ipsecctl");
    for word in ["show", "counters", "socket", "completions", "help"] {
        assert!(words.iter().any(|it| it == word), "{word}: {words:?}");
    }
    assert!(completed(&script, "ipsecctl show").iter().any(|it| it == "policies"));
}

#[test]
fn other_shells_have_scripts() {
    for (shell, beginning) in [("zsh", "#compdef ipsecctl"), ("fish", "# Print an optspec")] {
        let script = stdout(&run(&format!("ipsecctl completions {shell}")));
        assert!(script.starts_with(beginning) && script.contains("counters"), "{script}");
    }
    assert_eq!(run("ipsecctl completions csh").status.code(), Some(2));
}

#[test]
fn the_schema_is_that_of_the_documentation() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json/schema-1.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let printed: Value = serde_json::from_str(&stdout(&run("ipsecctl schema"))).unwrap();
    assert_eq!(printed, kept);
}
