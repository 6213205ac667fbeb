//! `--check`, and how messages look: nothing here needs a kernel, nor a privilege.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::Value;
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

/// The same with the script at standard input.
fn setkey_at_stdin(options: &[&str], script: &str) -> (i32, String, String) {
    let mut command = assert_cmd::Command::cargo_bin("setkey").unwrap();
    let from = if options.contains(&"-c") { &[][..] } else { &["-f", "-"] };
    let output = command.args(options).args(from).write_stdin(script).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
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
fn what_will_fail_is_a_failure_and_a_warning_is_none() {
    let (status, _, err) = setkey("add ::1 ::2 esp 1 -E null;", &["--check"]);
    assert_eq!(status, 1);
    assert_eq!(
        err,
        "setkey: FILE:1:17: SPIs below 256 are reserved (RFC 4303, section 2.1)\n \
         1 | add ::1 ::2 esp 1 -E null;\n   \
           |                 ^\n   \
           = help: choose an SPI of 256 or more\n"
    );
    let (status, _, err) = setkey("spdadd ::1[80] ::2 any -P out none;", &["--check"]);
    assert_eq!(status, 0);
    assert!(err.starts_with("setkey: FILE:1:11: warning: with `any` a port is"), "{err}");
}

#[test]
fn statements_are_checked_against_each_other() {
    let in_and_fwd = "spdadd ::1 ::2 any -P in none; spdadd ::1 ::2 any -P fwd none;";
    assert_eq!(setkey(in_and_fwd, &["--check"]).0, 1);
    assert_eq!(setkey(in_and_fwd, &["--check", "-k"]), (0, String::new(), String::new()));
}

/// For editors and CI: where each finding begins and ends, and its code.
#[test]
fn findings_as_json() {
    let (status, out, err) = setkey(BAD, &["--check", "--json"]);
    assert_eq!((status, err.as_str()), (1, ""));
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["schema_version"], 1);
    let findings = json["findings"].as_array().unwrap();
    let lines = BAD.lines().collect::<Vec<_>>();
    let meant = |finding: &Value| {
        let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        let (line, end) = (number(&finding["line"]), &finding["end"]);
        assert_eq!(number(&end["line"]), line);
        let text = lines[line - 1];
        text[number(&finding["column"]) - 1..number(&end["column"]) - 1].to_owned()
    };
    let rows = findings.iter().map(|finding| {
        assert_eq!((&finding["file"], &finding["severity"]), (&"FILE".into(), &"error".into()));
        assert!(!finding["message"].as_str().unwrap().is_empty());
        (finding["code"].as_str().unwrap(), meant(finding))
    });
    let rows = rows.collect::<Vec<_>>();
    let rows = rows.iter().map(|(code, text)| (*code, text.as_str())).collect::<Vec<_>>();
    let expected = [
        ("syntax", "135"),
        ("key-length", "\"too short\""),
        ("tunnel-without-endpoints", "esp/tunnel//require"),
        ("algorithm-not-for-protocol", "null"),
    ];
    assert_eq!(rows, expected);
    assert!(!out.contains("too short"), "{out}");

    let good = "flush; spdflush;";
    let (status, out, err) = setkey(good, &["--check", "--json"]);
    assert_eq!((status, err.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json, serde_json::json!({"schema_version": 1, "findings": []}));

    let warned = "add 192.0.2.1 192.0.2.2 esp 0x10 -E null;";
    let (status, out, _) = setkey(warned, &["--check", "--json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["findings"][0]["code"], "reserved-spi", "{status} {out}");
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

/// A script of nothing but mistakes. The shortest ones end sooner: their reports are many times longer.
#[test]
fn reports_do_not_grow_with_the_mistakes() {
    let usual = "spdadd ::1 ::2 any -P out nonsense;\n".repeat(10_000);
    for (script, most) in [(usual, 100), (";".repeat(1 << 20), 18)] {
        for options in [&["--check"][..], &["-n", "-c"]] {
            let (status, out, err) = setkey_at_stdin(options, &script);
            assert_eq!(status, 1, "{err}");
            let reports = err.lines().filter(|line| line.starts_with("setkey: <stdin>:")).count();
            // The last one is the line about the end.
            assert_eq!(reports - 1, most, "{err}");
            let end = format!("setkey: <stdin>: {most} mistakes: the rest is not read\n");
            assert!(err.ends_with(&end), "{err}");
            assert!(err.len() < 100_000 && out.len() < 10_000, "{} {}", err.len(), out.len());
        }
    }
}

#[test]
fn warnings_do_not_grow_with_the_script() {
    let add = |number| format!("spdadd ::1[80] ::{number} any -P out none;\n");
    let script = (1..5000).map(add).collect::<String>();
    let (status, _, err) = setkey_at_stdin(&["--check"], &script);
    assert_eq!(status, 0);
    assert_eq!(err.matches("help: ").count(), 100);
    assert!(err.ends_with("setkey: <stdin>: further warnings are not printed\n"), "{err}");
}

#[test]
fn a_report_of_a_long_statement_is_short() {
    let script = format!("spdadd ::1 ::1 any -P out {} x y;", "ipsec ".repeat(10_000));
    let (status, _, err) = setkey_at_stdin(&["--check"], &script);
    assert_eq!(status, 1);
    assert!(err.len() < 1000, "{err}");
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

/// A stream has no end by itself: what its statements leave is in memory.
#[test]
fn a_script_without_an_end_is_named_with_the_limit() {
    for options in [&["--check"][..], &["-n", "--all-or-nothing"]] {
        let mut lines = Command::new("yes").arg("").stdout(Stdio::piped()).spawn().unwrap();
        let mut setkey = Command::new(assert_cmd::cargo::cargo_bin("setkey"));
        let endless = lines.stdout.take().unwrap();
        let output = setkey.args(options).args(["-f", "-"]).stdin(endless).output().unwrap();
        drop(setkey);
        lines.wait().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors, "setkey: cannot read <stdin>: it has more than 64 MiB\n");
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    }
}
