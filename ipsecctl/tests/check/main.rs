//! `ipsecctl check`: planted faults are found, clean scripts are not bothered, and no script ends it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

#[path = "../manual/mod.rs"]
mod manual;
mod sarif;
mod scripts;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The capabilities that remain for a program so started: none.
const UNPRIVILEGED: [&str; 3] = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];

/// `ipsecctl check` without any privilege, not by ssh: status, standard output, standard error.
fn check(arguments: &[&str], ssh: Option<&str>) -> (i32, String, String) {
    let mut command = Command::new("setpriv");
    command.args(UNPRIVILEGED).arg(assert_cmd::cargo::cargo_bin("ipsecctl")).arg("check");
    command.args(arguments).env_remove("SETKEY_DIALECT").env_remove("SSH_CONNECTION");
    if let Some(ssh) = ssh {
        command.env("SSH_CONNECTION", ssh);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let status = output.status.code().expect("it ends by itself");
    (status, text(output.stdout), text(output.stderr))
}

/// The files of a folder beside this one that end so, in order.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    paths.sort();
    paths
}

/// What is found in a script of `planted/` or `clean/`, with the options of its file `.args` and the second
/// script beside it: `FILE:LINE:COLUMN-END SEVERITY CODE`.
fn found(script: &Path) -> Vec<String> {
    let args = fs::read_to_string(script.with_extension("args")).unwrap_or_default();
    let of = |word: &str| args.lines().find_map(|line| line.strip_prefix(word)).map(str::trim);
    let second = script.with_extension("second");
    let mut arguments = vec!["--json"];
    arguments.extend(of("options").unwrap_or_default().split_whitespace());
    arguments.push(script.to_str().unwrap());
    if second.exists() {
        arguments.push(second.to_str().unwrap());
    }
    let (status, out, err) = check(&arguments, of("ssh"));
    assert_eq!((status, err.as_str()), (0, ""), "{}", script.display());
    let document: Value = serde_json::from_str(&out).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let line = |finding: &Value| {
        let word = |member: &str| finding[member].as_str().unwrap().to_owned();
        let file = Path::new(&word("file")).file_name().unwrap().to_str().unwrap().to_owned();
        let (line, column, end) = (&finding["line"], &finding["column"], &finding["end"]["column"]);
        format!("{file}:{line}:{column}-{end} {} {}", word("severity"), word("code"))
    };
    findings.iter().map(line).collect()
}
