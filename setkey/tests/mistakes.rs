//! Mistakes and what `setkey --check` prints about them: `mistakes/*.txt`, a kind each.
//!
//! A line with `> ` is of a script, in which `\xNN` stands for a byte; what follows is the output, without
//! the name of the program and of the file. With `WRITE_MISTAKES=1` the files get the output of today.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::{env, fs, path::Path};

use assert_cmd::Command;

/// The bytes of a line of a script.
fn unescaped(line: &str) -> Vec<u8> {
    let mut parts = line.split("\\x");
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}

/// The scripts of a file, each as it is written there.
fn scripts(text: &str) -> Vec<Vec<&str>> {
    let mut scripts: Vec<Vec<&str>> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        let script = line.strip_prefix("> ").or_else(|| line.strip_prefix('>'));
        if let Some(line) = script {
            match scripts.last_mut().filter(|_| is_inside) {
                Some(lines) => lines.push(line),
                None => scripts.push(vec![line]),
            }
        }
        is_inside = script.is_some();
    }
    scripts
}

/// A script and what is printed about it.
fn checked(lines: &[&str]) -> String {
    let script = lines.iter().flat_map(|line| [unescaped(line), b"\n".to_vec()].concat());
    let mut setkey = Command::cargo_bin("setkey").unwrap();
    let setkey = setkey.args(["--check", "-f", "-"]).env_remove("SETKEY_DIALECT");
    let output = setkey.write_stdin(script.collect::<Vec<_>>()).output().unwrap();
    assert_eq!(output.stdout, b"");
    let err = String::from_utf8(output.stderr).unwrap().replace("setkey: <stdin>:", "");
    let script = lines.iter().flat_map(|line| ["> ", line, "\n"]).collect::<String>();
    let is_refused = output.status.code() == Some(1);
    let status = if is_refused { "" } else { "(accepted)\n" };
    format!("{script}{err}{status}")
}

#[test]
fn each_mistake_is_named_at_its_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let title = text.lines().next().unwrap();
        let found = scripts(&text).iter().map(|lines| checked(lines)).collect::<Vec<_>>();
        count += found.len();
        let found = format!("{title}\n\n{}", found.join("\n"));
        if env::var_os("WRITE_MISTAKES").is_some() {
            fs::write(&path, &found).unwrap();
        } else {
            assert_eq!(text, found, "{}", path.display());
        }
    }
    assert!(count >= 200, "{count} mistakes");
}
