//! `--check`, and how messages look: nothing here needs a kernel, nor a privilege.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::{io::Write, process::Command};

use tempfile::NamedTempFile;

/// The capabilities that remain for a program so started: none.
const UNPRIVILEGED: [&str; 3] = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];

/// setkey on a script, without any privilege: status, standard output, standard error.
fn setkey(script: &str, options: &[&str]) -> (i32, String, String) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(script.as_bytes()).unwrap();
    let mut command = Command::new("setpriv");
    command.args(UNPRIVILEGED).arg(assert_cmd::cargo::cargo_bin("setkey"));
    let output = command.args(options).arg("-f").arg(file.path()).output().unwrap();
    let text = |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(file.path().to_str().unwrap(), "FILE")
    };
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const BAD: &str = r#"
flush;
spdadd ::/0 ::/0 icmp6 135 -P out none;
add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc "too short";
spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/tunnel//require;
add 192.0.2.1 192.0.2.2 ah 0x1001 -E null;
spdflush;
"#;

#[test]
fn every_mistake_is_reported() {
    let (status, out, err) = setkey(BAD, &["--check"]);
    assert_eq!((status, out.as_str()), (1, ""));
    let reports = err.lines().filter(|line| line.starts_with("setkey: FILE:"));
    let places = reports.map(|line| line.split(':').nth(2).unwrap()).collect::<Vec<_>>();
    assert_eq!(places, ["3", "4", "5", "6"], "{err}");
}

#[test]
fn a_good_script_passes_in_silence() {
    let script = "flush; spdflush; spdadd 192.0.2.1 192.0.2.2 any -P out none;";
    assert_eq!(setkey(script, &["--check"]), (0, String::new(), String::new()));
}

#[test]
fn a_dialect_has_its_own_mistakes() {
    let script = "add 192.0.2.1 192.0.2.2 esp 0x1000 -E null \"\";";
    assert_eq!(setkey(script, &["--check", "--dialect", "freebsd"]).0, 0);
    let (status, _, err) = setkey(script, &["--check"]);
    assert_eq!(status, 1);
    assert!(err.contains("use --dialect freebsd"), "{err}");
}

#[test]
fn colours_on_demand() {
    const RED: &str = "\x1b[1;31m";
    let (_, _, err) = setkey(BAD, &["--check", "--color=always"]);
    assert!(err.contains(RED), "{err:?}");
    for options in [&["--check", "--color=never"][..], &["--check"]] {
        let (_, _, err) = setkey(BAD, options);
        assert!(!err.contains('\x1b'), "{err:?}");
    }
}
